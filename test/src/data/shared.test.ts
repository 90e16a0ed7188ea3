/** The files of ../shared/data: each is read, or refused for a reason; damaged rows are never read. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Records } from '../../../src/batch/records.ts';
import { checkShape, toRecord } from '../../../src/data/record.ts';
import { Spool } from '../../../src/data/spool.ts';
import { options } from '../worker/options.ts';
import { file, rejection } from './files.ts';

const data = join(import.meta.dirname, '../../../../shared/data');

/** Rows of each file, or why it is refused on its first line. */
const expected: Record<string, number | RegExp> = {
  'alpaca-en/alpaca_en_demo.json': 999,
  'alpaca-en/alpaca_zh_demo.json': 1000,
  'chat/dummy_conversation.json': 500,
  'chat/v1_sft_demo.jsonl': 500,
  'chat/wiki_demo.txt': 30,
  'gsm8k/test.jsonl': 1319,
  'gsm8k/train.jsonl': 7473,
  'instruct/instruction-data-with-preference.json': 1100,
  'instruct/instruction-data.json': 1100,
  'oasst/en_100_message.jsonl': /:1: a tree of messages/,
  'oasst/en_100_text.jsonl': /:1: a row must be a JSON object/,
  'oasst/en_100_tree.jsonl': /:1: a tree of messages/,
  'oasst/prompt_lottery_en_250_text.jsonl': /:1: a row must be a JSON object/,
  'preference/dpo_en_demo.json': /:2: a preference pair/,
  'preference/hh-rlhf-test.jsonl.gz': /:1: a preference pair/,
  'self-instruct/seed_tasks.jsonl': /:1: an instruction with a list of instances/,
  'toolcall/glaive_toolcall_en_demo.json': 300,
};

/** Reads and checks every row; returns their places. Throws the first problem. */
async function readAll(path: string, formatting: string | null = null): Promise<string[]> {
  const spool = new Spool();
  try {
    const records = await Records.open(options({ files: [path], formatting }), spool);
    const places: string[] = [];
    for (const { value: read, shape, place } of records.read()) {
      checkShape(toRecord(read(), 'text', place), shape, place);
      places.push(`${place.file}:${place.line}`);
    }
    assert.is(places.length, records.length);
    return places;
  } finally {
    spool.close();
  }
}

/** What happens to a row. */
const damages: ((row: Buffer) => Buffer)[] = [
  (row) => row.subarray(0, row.length >> 1),
  (row) => Buffer.concat([row.subarray(0, 3), Buffer.of(0xff), row.subarray(3)]),
  (row) => Buffer.concat([row.subarray(0, 3), Buffer.of(0), row.subarray(3)]),
  () => Buffer.from('null'),
  () => Buffer.from('{"text":3,"messages":null}'),
  () => Buffer.from('{"other":"shape"}'),
  (row) => Buffer.from(row.toString().replace('{', '{"a":1,"a":2,')),
];

if (!existsSync(data)) console.log('SKIPPED 3: ../shared is absent');
else {
  test('each file is read whole, or refused for a reason', async () => {
    for (const [name, outcome] of Object.entries(expected)) {
      const path = join(data, name);
      if (outcome instanceof RegExp) assert.match(await rejection('data', readAll(path)), outcome);
      else assert.is((await readAll(path)).length, outcome, name);
    }
  });

  test('what is refused is read with a formatting function', async () => {
    const module = file(
      'format.mjs',
      `export const best = ({ text, replies }) => ({ messages: [{ role: 'user', content: text }, { role: 'assistant', content: replies[0].text }] });
       export const prompt = (text) => text;
       export const tree = ({ prompt }) => best(prompt);
       export const chosen = ({ conversations, chosen }) => ({ conversations: [...conversations, chosen] });
       export const hh = ({ chosen }) => chosen;
       export const seed = ({ instruction, instances }) => ({ instruction, ...instances[0] });`,
    );
    const rows = async (name: string, made: string) =>
      (await readAll(join(data, name), `${module}#${made}`)).length;
    assert.is(await rows('oasst/en_100_message.jsonl', 'best'), 100);
    assert.is(await rows('oasst/en_100_tree.jsonl', 'tree'), 100);
    assert.is(await rows('oasst/en_100_text.jsonl', 'prompt'), 100);
    assert.is(await rows('preference/dpo_en_demo.json', 'chosen'), 300);
    assert.is(await rows('preference/hh-rlhf-test.jsonl.gz', 'hh'), 2312);
    assert.is(await rows('self-instruct/seed_tasks.jsonl', 'seed'), 175);
  });

  test('with one row in a hundred damaged, the first of them is named', async () => {
    for (const [name, outcome] of Object.entries(expected)) {
      if (outcome instanceof RegExp || name.endsWith('.txt')) continue;
      const text = readFileSync(join(data, name));
      const plain = name.endsWith('.gz') ? gunzipSync(text) : text;
      const rows = name.endsWith('.jsonl')
        ? plain.toString().trimEnd().split('\n')
        : (JSON.parse(plain.toString()) as unknown[]).map((row) => JSON.stringify(row));
      for (const [kind, damage] of damages.entries()) {
        // The first row stays as it is: it says what the others must be.
        const from = 1 + ((37 * (kind + 1)) % 97);
        const damaged = rows.map((row, i) =>
          i % 100 === from ? damage(Buffer.from(row)) : Buffer.from(row),
        );
        const path = file('damaged.jsonl', '');
        writeFileSync(path, Buffer.concat(damaged.flatMap((row) => [row, Buffer.from('\n')])));
        const message = await rejection('data', readAll(path));
        assert.ok(message.startsWith(`${path}:${from + 1}: `), `${name} ${kind}: ${message}`);
      }
    }
  });
}

test.run();
