/** The text of a message cannot make a control token, by any tokenizer and template. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { presetTemplate } from '../../../src/template/presets.ts';
import { isControl } from '../../../src/tokenizer/special.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { RowEncoder } from '../../../src/worker/encode.ts';
import { shared, sharedTest } from '../tokenizer/shared.ts';
import { directory, tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from './options.ts';

const place = { file: 'f.jsonl', line: 1 };
const controls = ['<|im_start|>', '<|im_end|>', '<|endoftext|>', '<s>', '</s>'];

/** A tokenizer of the shared folder with control tokens, and a word that is none: <think>. */
function withControls(path: string): string {
  const json = JSON.parse(readFileSync(path, 'utf8'));
  const known = new Set(json.added_tokens.map((token: { content: string }) => token.content));
  const ids = [
    ...Object.values(json.model.vocab as Record<string, number>),
    ...json.added_tokens.map((token: { id: number }) => token.id),
  ];
  let next = ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  for (const content of [...controls, '<think>'].filter((each) => !known.has(each))) {
    const special = content !== '<think>';
    json.added_tokens.push({ id: next++, content, special, normalized: false });
  }
  return directory({
    'tokenizer.json': json,
    'tokenizer_config.json': { bos_token: '<s>', eos_token: '<|im_end|>' },
  });
}

const encoder = (tokenizer: Tokenizer, preset = 'chatml'): RowEncoder =>
  new RowEncoder(
    tokenizer,
    options({ chatTemplate: presetTemplate(preset), vocabularySize: 1 << 20 }),
  );

/** Ids of the control tokens in a row of one question and one answer. */
function controlIds(tokenizer: Tokenizer, question: string, answer: string): number[] {
  const known = new Set(controls.map((token) => tokenizer.idOf(token)));
  const messages = [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];
  const { ids } = encoder(tokenizer).encode({ messages }, 'messages', place);
  return [...ids].filter((id) => known.has(id));
}

for (const name of ['gpt2', 'gpt-neox', 'qwen2']) {
  const path = shared('tokenizers', name, 'tokenizer.json');
  // Made when the first test asks, for all of them.
  let loaded: Promise<Tokenizer> | undefined;
  const load = (): Promise<Tokenizer> => {
    loaded ??= Tokenizer.load(withControls(path));
    return loaded;
  };
  sharedTest(`${name}: the template's control tokens alone`, [path], async () => {
    const tokenizer = await load();
    const [start, end] = ['<|im_start|>', '<|im_end|>'].map((token) => tokenizer.idOf(token));
    const expected = [start, end, start, end] as number[];
    assert.equal(controlIds(tokenizer, 'a', 'b'), expected);
    for (const token of controls) {
      const id = tokenizer.idOf(token);
      assert.ok(tokenizer.encode(token, { addSpecialTokens: false }).ids.includes(id ?? -1), token);
      for (const text of [token, `${token}${token}`, `a ${token} b`, ` ${token}\n`, `x${token}`]) {
        assert.equal(controlIds(tokenizer, text, 'b'), expected, text);
        assert.equal(controlIds(tokenizer, 'a', text), expected, text);
      }
      // A part at the edge of a message cannot join with what the template writes next to it.
      for (let cut = 1; cut < token.length; cut++) {
        assert.equal(controlIds(tokenizer, token.slice(cut), token.slice(0, cut)), expected);
        assert.equal(controlIds(tokenizer, token.slice(0, cut), token.slice(cut)), expected);
      }
    }
  });

  sharedTest(`${name}: plain text is split as text`, [path], async () => {
    const tokenizer = await load();
    const bare = await Tokenizer.load(directory({ 'tokenizer.json': readFileSync(path, 'utf8') }));
    const isPlain = (): boolean => true;
    for (const text of ['a<|im_end|>b', '<|im_start|>system\nx', '</s>', 'über <s> 漢']) {
      const { ids, offsets } = tokenizer.encode(text, { addSpecialTokens: false, isPlain });
      assert.equal([...ids], [...bare.encode(text, { addSpecialTokens: false }).ids], text);
      assert.is(offsets.at(-1), text.length);
    }
  });

  sharedTest(`${name}: a word such as <think> is found in a message`, [path], async () => {
    const tokenizer = await load();
    const messages = [{ role: 'assistant', content: '<think>a' }];
    const { ids } = encoder(tokenizer).encode({ messages }, 'messages', place);
    assert.ok(ids.includes(tokenizer.idOf('<think>') ?? -1));
  });
}

const quickstart = fileURLToPath(new URL('../../../examples/quickstart/base', import.meta.url));

test('the quickstart’s tokenizer: each of its own control tokens', async () => {
  const tokenizer = await Tokenizer.load(quickstart);
  const { added_tokens: added } = JSON.parse(
    readFileSync(join(quickstart, 'tokenizer.json'), 'utf8'),
  );
  const tokens: string[] = added
    .filter(isControl)
    .map((token: { content: string }) => token.content);
  assert.ok(tokens.length >= 5);
  const own = new RowEncoder(tokenizer, options({ vocabularySize: 1 << 20 }));
  const count = (question: string, answer: string): number => {
    const messages = [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
    const { ids } = own.encode({ messages }, 'messages', place);
    return [...ids].filter((id) => tokens.some((token) => tokenizer.idOf(token) === id)).length;
  };
  const clean = count('a', 'b');
  assert.ok(clean >= 3);
  for (const token of tokens) {
    assert.is(count(`a${token}b`, token), clean, token);
    assert.is(count(token, `${token} b`), clean, token);
  }
});

test('what steers a conversation, and what is a word', () => {
  const token = (content: string, special = false) => isControl({ content, special });
  assert.ok(token('<s>', true) && token('<|im_end|>') && token('<｜User｜>'));
  assert.not.ok(token('<think>') || token('<tool_call>') || token('  ') || token('<|half'));
});

test('an answer that writes EOS does not end there, and is trained as text', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const row = {
    messages: [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '<|eos|>' },
    ],
  };
  const { ids, labels, text } = new RowEncoder(tokenizer, options()).encode(row, 'messages', place);
  assert.is([...ids].filter((id) => id === tokenizer.eosId).length, 1);
  assert.is(ids.at(-1), tokenizer.eosId);
  assert.is(tokenizer.decode(ids), text);
  assert.is(labels.filter((label) => label !== -100).length, '<|eos|>'.length + 1);
});

test('text that is no message is as it is written', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const { ids } = new RowEncoder(tokenizer, options()).encode(
    { text: 'a<|user|>b' },
    'text',
    place,
  );
  assert.ok(ids.includes(tokenizer.idOf('<|user|>') ?? -1));
});

test('parts that a template puts together make no control token', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const chatTemplate =
    "{% for m in messages %}{{ m.content.replace('!', '') }}{% endfor %}{{ eos_token }}";
  const messages = [
    { role: 'user', content: '<|us!er|><|u' },
    { role: 'assistant', content: 'ser|>' },
  ];
  const changes = { chatTemplate, assistantOnlyLoss: false };
  const row = new RowEncoder(tokenizer, options(changes)).encode({ messages }, 'messages', place);
  assert.is(row.text, '<|user|><|user|><|eos|>');
  assert.not.ok(row.ids.includes(tokenizer.idOf('<|user|>') ?? -1));
});

test('a role is a word of the template, unless it is none', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const chatTemplate =
    "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}{{ eos_token }}";
  const changes = { chatTemplate, assistantOnlyLoss: false };
  const { ids } = new RowEncoder(tokenizer, options(changes)).encode(
    { messages: [{ role: 'user', content: 'a' }] },
    'messages',
    place,
  );
  assert.is(ids[0], tokenizer.idOf('<|user|>'));
});

test.run();
