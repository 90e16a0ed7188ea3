/** Data sets with damaged rows, in every kind of file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';

export type Form = 'jsonl' | 'json' | 'csv' | 'parquet' | 'txt';

/** A data set: its rows as values, and the function that makes rows of them. */
export interface DataSet {
  name: string;
  form: Form;
  gzip: boolean;
  rows: unknown[];
  formatting: string | null;
}

/** A data set on disk, and the lines of it that were damaged. */
export interface Damaged {
  path: string;
  lines: number[];
}

/** Functions that make rows of what is no row to fine-tune on. */
const FORMATTING = `
export const best = ({ text, replies }) => ({ messages: [{ role: 'user', content: text }, { role: 'assistant', content: replies[0].text }] });
export const prompt = (text) => text;
export const tree = ({ prompt }) => best(prompt);
export const chosen = ({ conversations, chosen }) => ({ conversations: [...conversations, chosen] });
export const hh = ({ chosen }) => chosen;
export const seed = ({ instruction, instances }) => ({ instruction, ...instances[0] });
`;

/** Every data set of ../shared/data, and how its rows are made. */
const SETS: Record<string, string | null> = {
  'alpaca-en/alpaca_en_demo.json': null,
  'alpaca-en/alpaca_zh_demo.json': null,
  'chat/dummy_conversation.json': null,
  'chat/v1_sft_demo.jsonl': null,
  'chat/wiki_demo.txt': null,
  'gsm8k/test.jsonl': null,
  'gsm8k/train.jsonl': null,
  'instruct/instruction-data-with-preference.json': null,
  'instruct/instruction-data.json': null,
  'oasst/en_100_message.jsonl': 'best',
  'oasst/en_100_text.jsonl': 'prompt',
  'oasst/en_100_tree.jsonl': 'tree',
  'oasst/prompt_lottery_en_250_text.jsonl': 'prompt',
  'preference/dpo_en_demo.json': 'chosen',
  'preference/hh-rlhf-test.jsonl.gz': 'hh',
  'self-instruct/seed_tasks.jsonl': 'seed',
  'toolcall/glaive_toolcall_en_demo.json': null,
};

/** Those of flat columns, which are also written as tables. */
const TABLES = ['alpaca-en/alpaca_en_demo.json', 'gsm8k/test.jsonl'];

/** The data sets below `root`; `dir` is for the module that makes rows. */
export function dataSets(root: string, dir: string): DataSet[] {
  const module = join(dir, 'rows.mjs');
  writeFileSync(module, FORMATTING);
  const sets: DataSet[] = [];
  for (const [name, made] of Object.entries(SETS)) {
    const bytes = readFileSync(join(root, name));
    const gzip = name.endsWith('.gz');
    const text = (gzip ? gunzipSync(bytes) : bytes).toString();
    const form = /\.(\w+?)(\.gz)?$/.exec(name)![1] as Form;
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const rows: unknown[] =
      form === 'json'
        ? JSON.parse(text)
        : form === 'txt'
          ? lines
          : lines.map((row) => JSON.parse(row));
    const formatting = made && `${module}#${made}`;
    sets.push({ name, form, gzip, rows, formatting });
    if (!TABLES.includes(name)) continue;
    for (const table of ['csv', 'parquet'] as const) {
      sets.push({
        name: `${name} as ${table}`,
        form: table,
        gzip: table === 'csv',
        rows,
        formatting,
      });
    }
  }
  return sets;
}

/** Writes a data set of which the rows at `places` (from 0) are damaged, each in a way of its own. */
export function writeDamaged(set: DataSet, places: ReadonlySet<number>, path: string): Damaged {
  const { form, gzip, rows } = set;
  let kind = 0;
  const bad = (row: number) => (places.has(row) ? kind++ : -1);
  const ending = gzip ? `.${form}.gz` : `.${form}`;
  const bytes = WRITERS[form](rows, bad);
  writeFileSync(path + ending, gzip ? gzipSync(bytes) : bytes);
  const shift = { json: 2, csv: 2, jsonl: 1, parquet: 1, txt: 1 }[form];
  return {
    path: path + ending,
    lines: [...places].sort((a, b) => a - b).map((row) => row + shift),
  };
}

/** The bytes of rows; `bad(i)`: -1, or in which way row i is damaged. Asked once a row, in order. */
type Writer = (rows: readonly unknown[], bad: (row: number) => number) => Buffer;

const WRITERS: Record<Form, Writer> = {
  jsonl: (rows, bad) =>
    joined(
      rows.map((row, i) => jsonText(row, bad(i), true)),
      '\n',
    ),
  json: (rows, bad) => {
    const texts = rows.map((row, i) => jsonText(row, bad(i), false));
    return Buffer.concat([Buffer.from('[\n'), joined(texts, ',\n'), Buffer.from('\n]\n')]);
  },
  txt: (rows, bad) =>
    joined(
      rows.map((row, i) => spoiled(Buffer.from(String(row)), [0xff, 0x00][bad(i) % 2])),
      '\n',
    ),
  csv: (rows, bad) => {
    const columns = Object.keys(rows[0] as object);
    const lines = rows.map((row, i) => csvText(row as Row, columns, bad(i)));
    return joined([Buffer.from(columns.join()), ...lines], '\n');
  },
  parquet: (rows, bad) => {
    const columns = Object.keys(rows[0] as object);
    const kinds = rows.map((_, i) => bad(i));
    const spoilt = '\ue000'.repeat(4);
    const columnData = columns.map((name, column) => ({
      name,
      type: 'STRING' as const,
      data: rows.map((row, i) => {
        const isLast = column === columns.length - 1;
        if (kinds[i]! < 0 || !isLast) return (row as Row)[name] as string;
        return kinds[i]! % 2 === 0 ? spoilt : null;
      }),
    }));
    const bytes = Buffer.from(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED' }));
    const mark = Buffer.from(spoilt);
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at)) bytes[at] = 0xff;
    return bytes;
  },
};

type Row = Record<string, unknown>;

function joined(parts: readonly Uint8Array[], between: string): Buffer {
  const comma = Buffer.from(between);
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [comma, part])));
}

/** A byte that is no text in the middle of a row; without one the row as it is. */
function spoiled(row: Buffer, byte: number | undefined): Buffer {
  if (byte === undefined) return row;
  const middle = row.indexOf(' ') + 1;
  return Buffer.concat([row.subarray(0, middle), Buffer.of(byte), row.subarray(middle)]);
}

/** Ways to damage a row of JSON; the last two only where it ends with its line. */
const WAYS: ((row: unknown, text: string) => string | Buffer)[] = [
  (row, text) => (typeof row === 'string' ? text.slice(0, -1) : text.replace('":', '"?')),
  (row) => JSON.stringify(typeof row === 'string' ? 5 : changed(row as Row, 5)),
  (row) => JSON.stringify(typeof row === 'string' ? null : changed(row as Row, undefined)),
  (_, text) => spoiled(Buffer.from(text), 0xff),
  (row) => JSON.stringify(strangeRole(row) ?? 5),
  (_, text) => spoiled(Buffer.from(text), 0x00),
  () => '{"other":"shape"}',
  (_, text) => text.slice(0, text.length >> 1),
  (_, text) => `${text}}`,
];

function jsonText(row: unknown, kind: number, ownLine: boolean): Buffer {
  const text = JSON.stringify(row);
  if (kind < 0) return Buffer.from(text);
  const ways = ownLine ? WAYS.length : WAYS.length - 2;
  return Buffer.from(WAYS[kind % ways]!(row, text) as string);
}

/** Columns that a row cannot do without, as it is read or as it is made. */
const NEEDED = [
  'output',
  'answer',
  'messages',
  'conversations',
  'chosen',
  'text',
  'prompt',
  'instances',
];

/** A row with another value of such a column; undefined: without it. */
function changed(row: Row, value: unknown): Row {
  const name = NEEDED.find((column) => column in row)!;
  return { ...row, [name]: value };
}

/** A conversation of which a stranger speaks; null for a row that is none. */
function strangeRole(row: unknown): unknown {
  for (const [list, key] of [
    ['messages', 'role'],
    ['conversations', 'from'],
  ] as const) {
    const turns = (row as Row)[list];
    if (!Array.isArray(turns)) continue;
    return { ...(row as Row), [list]: [{ ...turns[0], [key]: 'wizard' }, ...turns.slice(1)] };
  }
  return null;
}

function csvText(row: Row, columns: readonly string[], kind: number): Buffer {
  // One row a line, so that lines can be told.
  const cells = columns.map(
    (name) =>
      `"${String(row[name] ?? '')
        .replace(/"/g, '""')
        .replace(/\s/g, ' ')}"`,
  );
  const ways: (() => string | Buffer)[] = [
    () => cells.slice(1).join(),
    () => [...cells, '"more"'].join(),
    () => spoiled(Buffer.from(cells.join()), 0xff),
    () => [...cells.slice(1), 'a "stray" quote'].join(),
  ];
  return Buffer.from((kind < 0 ? cells.join() : ways[kind % ways.length]!()) as string);
}
