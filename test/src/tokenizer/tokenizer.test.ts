import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';
import { tokenizerFiles } from '../../../src/tokenizer/files.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import {
  config,
  directory,
  ids,
  merges,
  tinyDirectory,
  tokenizerJson,
  vocabulary,
} from './tiny.ts';

async function rejects(directoryPath: string, pattern: RegExp): Promise<void> {
  try {
    await Tokenizer.load(directoryPath);
  } catch (error) {
    assert.instance(error, AttuneError);
    assert.is((error as AttuneError).code, 'tokenizer');
    assert.match((error as AttuneError).message, pattern);
    return;
  }
  assert.unreachable('loaded');
}

test('merges, bytes and added tokens', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const { ids: found, offsets } = tokenizer.encode('hello w<|eos|>é');
  assert.equal([...found], [259, 260, ids.eos, 0xc3, 0xa9]);
  assert.equal([...offsets], [0, 5, 5, 7, 7, 14, 14, 15, 14, 15]);
  assert.is(tokenizer.decode(found), 'hello w<|eos|>é');
  assert.is(tokenizer.decode(found, { skipSpecialTokens: true }), 'hello wé');
  assert.is(tokenizer.vocabularySize, 267);
  assert.is(tokenizer.eosId, ids.eos);
  assert.is(tokenizer.padId, ids.pad);
});

test('an emoji of four tokens: each has the offsets of the whole character', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const { offsets } = tokenizer.encode('a😀b');
  assert.equal([...offsets], [0, 1, 1, 3, 1, 3, 1, 3, 1, 3, 3, 4]);
});

test('merges as strings and as pairs are the same tokenizer', async () => {
  const pairs = {
    type: 'BPE',
    vocab: vocabulary(),
    merges: merges.map((merge) => merge.split(' ')),
  };
  const tokenizer = await Tokenizer.load(
    tinyDirectory(
      { model: pairs },
      { tokenizer_class: 'TokenizersBackend', extra_special_tokens: [] },
    ),
  );
  assert.equal([...tokenizer.encode('hello w').ids], [259, 260]);
});

test('vocab.json with merges.txt, BOS as OPT has it', async () => {
  const vocab = { ...vocabulary(), '<|bos|>': 262, '<|eos|>': 263, '<|pad|>': 264 };
  const path = directory({
    'vocab.json': vocab,
    'merges.txt': `#version: 0.2\n${merges.join('\n')}\n`,
    'tokenizer_config.json': {
      add_bos_token: true,
      bos_token: { __type: 'AddedToken', content: '<|bos|>' },
    },
    'special_tokens_map.json': { eos_token: { content: '<|eos|>' } },
  });
  const tokenizer = await Tokenizer.load(path);
  const { ids: found, offsets } = tokenizer.encode('hello<|eos|>');
  assert.equal([...found], [262, 259, 263]);
  assert.equal([...offsets], [0, 0, 0, 5, 5, 12]);
  assert.equal([...tokenizer.encode('hello', { addSpecialTokens: false }).ids], [259]);
});

test('TemplateProcessing puts its tokens around, without width', async () => {
  const post_processor = {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '<|bos|>', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '<|eos|>', type_id: 0 } },
    ],
    special_tokens: { '<|bos|>': { ids: [ids.bos] }, '<|eos|>': { ids: [ids.eos] } },
  };
  const tokenizer = await Tokenizer.load(tinyDirectory({ post_processor }));
  const { ids: found, offsets } = tokenizer.encode('hello');
  assert.equal([...found], [ids.bos, 259, ids.eos]);
  assert.equal([...offsets], [0, 0, 0, 5, 5, 5]);
  const without = await Tokenizer.load(tinyDirectory({ post_processor }, { add_bos_token: false }));
  assert.equal([...without.encode('hello').ids], [259]);
});

test('named and extra special tokens that tokenizer.json lacks get ids', async () => {
  const settings = { sep_token: '<|sep|>', additional_special_tokens: ['<|x|>'] };
  const tokenizer = await Tokenizer.load(tinyDirectory({}, settings));
  assert.equal([...tokenizer.encode('<|sep|><|x|>').ids], [267, 268]);
  assert.is(tokenizer.vocabularySize, 269);
});

test('lstrip, rstrip and single_word', async () => {
  const json = tokenizerJson();
  const added = (content: string, id: number, flags: object): object => ({ id, content, ...flags });
  const tokenizer = await Tokenizer.load(
    tinyDirectory({
      added_tokens: [
        ...(json.added_tokens as object[]),
        added('[L]', 267, { lstrip: true }),
        added('[R]', 268, { rstrip: true }),
        added('cat', 269, { single_word: true }),
      ],
    }),
  );
  const left = tokenizer.encode('a  [L] ');
  assert.equal([...left.ids], [byte('a'), 267, byte(' ')]);
  assert.equal([...left.offsets], [0, 1, 1, 6, 6, 7]);
  assert.equal([...tokenizer.encode('[R]  a').offsets], [0, 5, 5, 6]);
  assert.equal([...tokenizer.encode('cat').ids], [269]);
  assert.is(tokenizer.encode('cats').ids.length, 4);
});

/** The id of a one-byte character is its byte. */
function byte(character: string): number {
  return character.charCodeAt(0);
}

test('NFC: ids of the composed text, offsets of the text as written', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory({ normalizer: { type: 'NFC' } }));
  const { ids: found, offsets } = tokenizer.encode('ae\u0301b');
  assert.equal([...found], [byte('a'), 0xc3, 0xa9, byte('b')]);
  assert.equal([...offsets], [0, 1, 1, 3, 1, 3, 3, 4]);
});

test('add_prefix_space takes no room in the text', async () => {
  const pre_tokenizer = { type: 'ByteLevel', add_prefix_space: true, use_regex: true };
  const tokenizer = await Tokenizer.load(tinyDirectory({ pre_tokenizer }));
  const { ids: found, offsets } = tokenizer.encode('w<|eos|>w');
  assert.equal([...found], [260, ids.eos, 260]);
  assert.equal([...offsets], [0, 1, 1, 8, 8, 9]);
});

test('chat template: the file before the config, the default of a list', async () => {
  assert.is((await Tokenizer.load(tinyDirectory())).chatTemplate, config.chat_template);
  const path = tinyDirectory({}, { chat_template: [{ name: 'default', template: 'D' }] });
  assert.is((await Tokenizer.load(path)).chatTemplate, 'D');
  writeFileSync(join(path, 'chat_template.jinja'), 'J');
  assert.is((await Tokenizer.load(path)).chatTemplate, 'J');
  assert.equal(tokenizerFiles(path), [
    'tokenizer.json',
    'tokenizer_config.json',
    'chat_template.jinja',
  ]);
});

test('what is missing or not supported is named', async () => {
  await rejects(directory({}), /missing tokenizer: .* neither tokenizer\.json nor vocab\.json/);
  await rejects(directory({ 'tokenizer.model': '' }), /tokenizer\.model alone is not read/);
  await rejects(directory({ 'tokenizer.json': '{' }), /tokenizer\.json: .*JSON/);
  await rejects(tinyDirectory({ model: { type: 'Unigram', vocab: [] } }), /model Unigram/);
  await rejects(tinyDirectory({ normalizer: { type: 'Lowercase' } }), /normalizer .*Lowercase/);
  await rejects(
    tinyDirectory({ pre_tokenizer: { type: 'Whitespace' } }),
    /pre_tokenizer Whitespace/,
  );
});

test('a file that is broken is named, with what is wrong', async () => {
  const model = (changes: object): object => ({
    model: { type: 'BPE', vocab: vocabulary(), merges, ...changes },
  });
  const split = (Regex: string): object => ({
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
  });
  const broken: [object, RegExp][] = [
    [model({ merges: ['h e', 'he'] }), /merge 1, "he": not two tokens/],
    [model({ merges: ['h  e'] }), /merge 0, "h {2}e": not two tokens/],
    [model({ merges: ['h hex'] }), /merge 0, "h hex": "hex" is not in the vocabulary/],
    [model({ merges: ['h l'] }), /merge 0, "h l": the two together are not in the vocabulary/],
    [model({ merges: [['h', 'e'], ['h']] }), /merge 1, \["h"\]: not two tokens/],
    [model({ merges: ['h e', 7] }), /merge 0, "h e": not two tokens/],
    [model({ vocab: { a: '1' } }), /the id of "a" is "1"/],
    [model({ vocab: { a: 1e300 } }), /the id of "a" is 1e\+300/],
    [model({ vocab: { a: -1 } }), /the id of "a" is -1/],
    [model({ dropout: 0.1 }), /dropout/],
    [split('(a*)*\\1'), /pattern \(a\*\)\*\\1: \\1 is not supported/],
    [split('(?:a|b)*a(?:a|b){24}'), /too many states/],
    [split('(?:(?:a{99}){99}){99}'), /too long/],
    [{ added_tokens: [{ content: 'x' }] }, /added_tokens has no id/],
  ];
  for (const path of ['js', undefined]) {
    if (path === undefined) Reflect.deleteProperty(process.env, 'ATTUNE_TOKENIZER');
    else process.env.ATTUNE_TOKENIZER = path;
    for (const [changes, expected] of broken) {
      await rejects(tinyDirectory(changes as Record<string, unknown>), expected);
      await rejects(
        tinyDirectory(changes as Record<string, unknown>),
        /attune-\w+\/tokenizer\.json: /,
      );
    }
  }
});

test('a pattern that takes others time without end is read in one pass', async () => {
  for (const path of ['js', undefined]) {
    if (path === undefined) Reflect.deleteProperty(process.env, 'ATTUNE_TOKENIZER');
    else process.env.ATTUNE_TOKENIZER = path;
    const load = (Regex: string): Promise<Tokenizer> =>
      Tokenizer.load(
        tinyDirectory({
          pre_tokenizer: {
            type: 'Sequence',
            pretokenizers: [
              { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
              { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
            ],
          },
        }),
      );
    const text = 'a'.repeat(20_000);
    const exponential = await load('(a+)+b|(?:a|aa)+c|a+');
    assert.is(exponential.encode(text).ids.length, text.length);
    const quadratic = await load('a*b|a');
    assert.throws(() => quadratic.encode(text), /its time is not linear/);
  }
});

test('a character without a token is an error, not a guess', async () => {
  const vocab = Object.fromEntries(Object.entries(vocabulary()).filter(([word]) => word !== 'z'));
  const tokenizer = await Tokenizer.load(tinyDirectory({ model: { type: 'BPE', vocab, merges } }));
  assert.throws(() => tokenizer.encode('az'), /no token for "az"/);
});

test.run();
