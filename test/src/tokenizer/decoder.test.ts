import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkDecoder } from '../../../src/tokenizer/decoder.ts';
import { parseTokenizer } from '../../../src/tokenizer/files.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { tokenizerJson } from './tiny.ts';

const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };

test('decoders of public tokenizers', () => {
  checkDecoder({ type: 'ByteLevel', add_prefix_space: true, trim_offsets: true });
  checkDecoder({
    type: 'Sequence',
    decoders: [replace, { type: 'ByteFallback' }, { type: 'Fuse' }, strip],
  });
  checkDecoder({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' });
  checkDecoder({ type: 'WordPiece', prefix: '##', cleanup: true });
});

test('what the library would run without a look', () => {
  const refused: [unknown, string][] = [
    [[], 'decoder is not an object'],
    [{ type: '__proto__' }, 'decoder.type "__proto__" is not supported'],
    [{ type: 'Sequence' }, 'decoder.decoders is not a list'],
    [{ ...replace, pattern: undefined }, 'decoder.pattern: undefined is not supported'],
    [
      { ...replace, pattern: { Regex: '(a+)+$' } },
      'decoder.pattern: {"Regex":"(a+)+$"} is not supported',
    ],
    [{ ...replace, content: {} }, 'decoder.content: {} is not supported'],
    [
      { type: 'Sequence', decoders: [strip, { ...strip, start: 1e9 }] },
      'decoder.decoders[1].start: 1000000000 is not supported',
    ],
    [{ ...strip, content: '' }, 'decoder.content: "" is not supported'],
  ];
  for (const [decoder, message] of refused) {
    assert.throws(
      () => checkDecoder(decoder),
      (error: Error) => error.message === message,
    );
  }
});

test('a tokenizer with such a decoder is refused when it is loaded, by file and field', async () => {
  const json = { ...(tokenizerJson() as object), decoder: { ...replace, pattern: {} } };
  const files = parseTokenizer('dir', JSON.stringify(json));
  try {
    await Tokenizer.of(files);
    assert.unreachable('loaded');
  } catch (error) {
    assert.is((error as Error).message, 'dir/tokenizer.json: decoder.pattern: {} is not supported');
  }
});

test.run();
