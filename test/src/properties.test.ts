/**
 * What holds for every input of a parser: what is written is read back the same, once more changes
 * nothing, a refusal names the file or the key. Inputs by a seed; `fuzz/` goes on from here.
 */
import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { Random } from '../../fuzz/random.ts';
import { adapterConfigText, parseAdapterConfig } from '../../src/checkpoint/adapterconfig.ts';
import { makeHeader } from '../../src/checkpoint/header.ts';
import { parseObject } from '../../src/checkpoint/json.ts';
import { readTensors } from '../../src/checkpoint/safetensors.ts';
import { parseConfig } from '../../src/config/file.ts';
import { parseFlags } from '../../src/config/flags.ts';
import { kebabCase, snakeCase } from '../../src/config/spelling.ts';
import { resolveConfig, resolveOptions } from '../../src/config.ts';
import { copyCsv } from '../../src/data/csv.ts';
import { indexElements } from '../../src/data/elements.ts';
import { parseJson } from '../../src/data/json.ts';
import { indexLines } from '../../src/data/lines.ts';
import { toRecord } from '../../src/data/record.ts';
import type { RowFile } from '../../src/data/rowfile.ts';
import type { RowIndex } from '../../src/data/rows.ts';
import type { AttuneError } from '../../src/errors.ts';
import { ChatTemplate } from '../../src/template/chat.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { rowText } from '../../src/train/metrics.ts';
import { readMetrics } from '../../src/train/reportmetrics.ts';
import { tinyDirectory } from './tokenizer/tiny.ts';

const characters = [
  ...'ab z09-_.,:;"\'\\/{}[]()%#&*!|<>@`~?\t\n\r',
  'é',
  '\u{1f600}',
  '\u2028',
  '▁',
];

function text(random: Random, most = 12): string {
  return Array.from({ length: random.below(most) }, () => random.of(characters)).join('');
}

/** A JSON value, at most `depth` deep. */
function value(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return random.of([null, true, false]);
    case 1:
      return random.below(1000) - 500;
    case 2:
      return (random.bits() / 2 ** 32) * 10 ** (random.below(40) - 20);
    case 5:
      return Array.from({ length: random.below(4) }, () => value(random, depth - 1));
    case 6:
      return object(random, depth - 1);
    default:
      return text(random);
  }
}

function object(random: Random, depth = 2): Record<string, unknown> {
  const keys = Array.from({ length: 1 + random.below(4) }, (_, i) => `${text(random, 5)}${i}`);
  return Object.fromEntries(keys.map((key) => [key, value(random, depth)]));
}

/** Runs a property `times` times; a failure names its seed. */
function property(name: string, times: number, holds: (random: Random) => unknown): void {
  test(name, async () => {
    for (let seed = 1; seed <= times; seed++) {
      try {
        await holds(new Random(seed));
      } catch (error) {
        (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
        throw error;
      }
    }
  });
}

property('safetensors: tensors that are written are found where they lie', 200, (random) => {
  const tensors = Array.from({ length: random.below(6) }, (_, i) => ({
    name: `${text(random, 8)}${i}`,
    dtype: random.of(['F32', 'BF16', 'F16'] as const),
    shape: Array.from({ length: random.below(4) }, () => random.below(4)),
  }));
  const { header, offsets } = makeHeader(tensors);
  const size = (shape: number[], dtype: string) =>
    shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2);
  const data = tensors.reduce((sum, { shape, dtype }) => sum + size(shape, dtype), 0);
  const bytes = Buffer.concat([header, Buffer.alloc(data)]);
  const found = new Map(readTensors('x', bytes).map((tensor) => [tensor.name, tensor]));
  assert.is(found.size, tensors.length);
  for (const [i, { name, dtype, shape }] of tensors.entries()) {
    const { path: _, ...tensor } = found.get(name)!;
    const place = { offset: offsets[i], bytes: size(shape, dtype) };
    assert.equal(tensor, { name, dtype, shape, ...place });
  }
  const refuse = (given: Uint8Array) =>
    assert.throws(
      () => readTensors('a/file', given),
      (error: AttuneError) => error.code === 'checkpoint' && error.message.startsWith('a/file: '),
    );
  refuse(bytes.subarray(0, random.below(bytes.length)));
  refuse(Buffer.concat([bytes, Buffer.alloc(1)]));
});

property('adapter_config.json: what is written is read, a wrong value is named', 100, (random) => {
  const config = {
    rank: 1 + random.below(256),
    alpha: 1 + random.below(64) / 4,
    dropout: random.below(100) / 100,
    rsLora: random.below(2) === 0,
    targets: random.below(2) === 0 ? 'all-linear' : [text(random), 'q_proj'],
    baseModel: random.of([null, text(random)]),
    revision: random.of([null, text(random)]),
  };
  const json = parseObject('x', adapterConfigText(config));
  assert.equal(parseAdapterConfig('x', json), config);
  const key = random.of(['r', 'lora_alpha', 'lora_dropout', 'target_modules', 'peft_type']);
  assert.throws(
    () => parseAdapterConfig('dir/it', { ...json, [key]: { a: 1 } }),
    (error: AttuneError) => error.message.startsWith(`dir/it: ${key}: `),
  );
});

property('JSON: the values of JSON.parse; a key twice is refused by name', 300, (random) => {
  const given = object(random, 3);
  const json = JSON.stringify(given, null, random.below(3));
  assert.equal(parseJson(json), given);
  const key = JSON.stringify(Object.keys(given)[0]);
  assert.throws(
    () => parseJson(`${json.trimEnd().slice(0, -1)},${key}:1}`),
    (error: Error) => error.message.includes(key),
  );
});

/** The texts of an index's rows. */
function rowsOf(index: RowIndex, bytes: Buffer): unknown[] {
  return Array.from({ length: index.length }, (_, i) => {
    const { start, end } = index.at(i);
    return JSON.parse(bytes.subarray(start, end).toString());
  });
}

property('rows: JSON Lines and arrays, however the bytes arrive', 150, async (random) => {
  const rows = Array.from({ length: random.below(6) }, () => object(random));
  const cut = function* (bytes: Buffer) {
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random.below(9);
      yield bytes.subarray(at, at + size);
      at += size;
    }
  };
  const end = () => random.of(['\n', '\r\n', '\n\n', '\n \n']);
  const lines = Buffer.from(rows.map((row) => `${JSON.stringify(row)}${end()}`).join(''));
  assert.equal(rowsOf(await indexLines(cut(lines)), lines), rows);
  const array = Buffer.from(JSON.stringify(rows, null, random.below(3)));
  assert.equal(rowsOf(await indexElements(cut(array)), array), rows);
});

property('CSV: every cell is read as it was quoted', 60, async (random) => {
  const width = 1 + random.below(4);
  const cells = (make: (i: number) => string) => Array.from({ length: width }, (_, i) => make(i));
  const columns = cells((i) => `${text(random, 4)}${i}`);
  const rows = Array.from({ length: random.below(5) }, () => cells(() => `x${text(random)}`));
  const quoted = (row: string[]) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
  const csv = [columns, ...rows].map((row) => `${quoted(row)}\n`).join('');
  const found: unknown[] = [];
  const into = { write: (json: string) => found.push(JSON.parse(json)) } as unknown as RowFile;
  await copyCsv(Readable.from([Buffer.from(csv)]), 'x.csv', into);
  const wanted = rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])));
  assert.equal(found, wanted);
  const broken = copyCsv(
    Readable.from([Buffer.from(`${csv}a${',b'.repeat(width)}\n`)]),
    'x.csv',
    into,
  );
  assert.match(await broken.then(String, (error: Error) => error.message), /^x\.csv:\d+: /);
});

property('configuration: options, YAML and flags say the same', 60, async (random) => {
  const options = {
    model: `m${text(random)}`,
    trainFile: [`a${text(random)}`, `b${random.below(9)}`],
    outputDir: `o${random.below(9)}`,
    learningRate: (1 + random.below(1000)) / 1e6,
    maxSteps: 1 + random.below(100),
    bf16: random.below(2) === 0,
    packing: random.below(2) === 0,
    seed: random.below(2 ** 31),
    loraTargetModules: random.of([['q_proj', 'v_proj'], 'all-linear']),
  };
  const { config } = resolveOptions(options);
  const written = Object.fromEntries(
    Object.entries(options).map(([name, given]) => [snakeCase(name), given]),
  );
  const source = random.below(2) === 0 ? stringify(written) : JSON.stringify(written);
  assert.equal(resolveConfig(await parseConfig('x', source)).config, config);
  const words = Object.entries(options).flatMap(([name, given]) =>
    Array.isArray(given)
      ? [`--${kebabCase(name)}`, ...given.map(String)]
      : [`--${kebabCase(name)}=${given}`],
  );
  assert.equal(resolveConfig(parseFlags(words)).config, config);
  const wrong = parseConfig('a.yaml', `${stringify(written)}max_length: [x]\n`).then(resolveConfig);
  const message = await wrong.then(String, (error: Error) => error.message);
  assert.match(message, /^a\.yaml:\d+: max_length/);
});

property('records: conversations keep their turns, a wrong one is named', 150, (random) => {
  const messages = Array.from({ length: 1 + random.below(5) }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: text(random, 20),
  }));
  if (messages.length === 1) messages.push({ role: 'assistant', content: 'x' });
  const record = toRecord(parseJson(JSON.stringify({ messages })), 'text', { file: 'f', line: 7 });
  if (record.shape !== 'messages') throw new Error(record.shape);
  assert.equal(
    record.messages.map(({ role, content }) => ({ role, content })),
    messages,
  );
  const at = random.below(messages.length);
  const broken = messages.map((message, i) => (i === at ? { ...message, role: 5 } : message));
  assert.throws(
    () => toRecord({ messages: broken }, 'text', { file: 'f', line: 7 }),
    (error: AttuneError) => error.message.startsWith('f:7: ') && error.message.includes('role'),
  );
});

property('templates: text stands as it is, in the source and in variables', 100, (random) => {
  const plain = text(random, 20).replace(/[{}%#\r\n]/g, '') || 'x';
  const content = text(random, 20);
  const template = new ChatTemplate(`${plain}{{ messages[0]['content'] }}`, {});
  const extras = { tools: null, documents: null, variables: {} };
  assert.is(template.render([{ role: 'user', content }], extras).text, plain + content);
  const open = `${plain}{% if`;
  assert.throws(
    () => new ChatTemplate(open, {}).render([], extras),
    (error: AttuneError) => error.code === 'template',
  );
});

const tokenizer = await Tokenizer.load(tinyDirectory());
property('tokenizer: decoding gives the text back', 200, (random) => {
  const given = text(random, 40);
  const { ids, offsets } = tokenizer.encode(given, { addSpecialTokens: false });
  assert.is(tokenizer.decode(ids), given);
  assert.is(offsets.length, 2 * ids.length);
  assert.ok(offsets.every((offset) => offset >= 0 && offset <= given.length));
});

property(
  'metrics.jsonl: rows are read as they were written, a torn one is an event',
  60,
  (random) => {
    const rows = Array.from({ length: 1 + random.below(20) }, (_, i) => ({
      step: i + 1,
      epoch: i / 10,
      loss: random.of([1.5, Number.NaN, random.bits() / 2 ** 30]),
      grad_norm: random.bits() / 2 ** 30,
      num_tokens: 10 * i,
    }));
    const lines = rows.map((row) => `${rowText(row)}\n`).join('');
    const { curves, events, lastStep } = readMetrics(lines);
    const finite = (loss: number) => (Number.isFinite(loss) ? loss : null);
    assert.equal(
      curves.step,
      rows.map(({ step }) => step),
    );
    assert.equal(
      curves.loss,
      rows.map(({ loss }) => finite(loss)),
    );
    assert.is(lastStep, rows.length);
    assert.is(events.length, rows.filter(({ loss }) => Number.isNaN(loss)).length);
    const torn = readMetrics(`${lines}{"step":`).events;
    assert.ok(torn.some(({ text }) => text === `metrics.jsonl:${rows.length + 1} is torn`));
  },
);

test.run();
