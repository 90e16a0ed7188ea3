// Conversations of every shared data file, over and over up to a size, each numbered so that no two
// rows are the same.
import { closeSync, existsSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../../src/data/kinds.ts';
import { RowReader } from '../../src/data/reader.ts';
import { type DataRecord, toRecord } from '../../src/data/record.ts';
import { openSource } from '../../src/data/source.ts';
import { Spool } from '../../src/data/spool.ts';

interface Turn {
  role: string;
  content: string;
}

/** A record as plain turns of user and assistant; null where it is something else. */
function turns(record: DataRecord): Turn[] | null {
  if (record.shape === 'prompt and completion') {
    return [
      { role: 'user', content: record.prompt },
      { role: 'assistant', content: record.completion },
    ];
  }
  if (record.shape !== 'messages') return null;
  const plain = record.messages.map(({ role, content }) => ({ role, content }));
  const isPlain = plain.every(
    ({ role, content }) =>
      ['system', 'user', 'assistant'].includes(role) && typeof content === 'string',
  );
  return isPlain && plain.at(-1)?.role === 'assistant' ? (plain as Turn[]) : null;
}

/** Every conversation of the data files below a folder. */
export async function conversations(folder: string): Promise<Turn[][]> {
  const spool = new Spool();
  const found: Turn[][] = [];
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(folder, name);
      if (kindOf(name) === null || !statSync(path).isFile()) continue;
      const source = await openSource({ path, weight: 1 }, spool);
      const reader = new RowReader(source);
      for (let i = 0; i < source.rows.length; i++) {
        const range = source.rows.at(i);
        try {
          const record = toRecord(reader.read(range), 'text', { file: path, line: range.line });
          const each = turns(record);
          if (each !== null) found.push(each);
        } catch {
          // Preference pairs, trees: no conversation.
        }
      }
      reader.close();
    }
    return found;
  } finally {
    spool.close();
  }
}

/** Writes a JSON Lines file of at least `bytes` bytes, unless there is one; returns its rows. */
export async function writeCorpus(folder: string, path: string, bytes: number): Promise<void> {
  if (existsSync(path) && statSync(path).size >= bytes) return;
  const all = await conversations(folder);
  const handle = openSync(path, 'w');
  let written = 0;
  let parts: string[] = [];
  let pending = 0;
  for (let row = 0; written < bytes; row++) {
    const [first, ...rest] = all[(row * 7919) % all.length]!;
    const messages = [{ role: first!.role, content: `${row}: ${first!.content}` }, ...rest];
    const line = `${JSON.stringify({ messages })}\n`;
    parts.push(line);
    pending += Buffer.byteLength(line);
    if (pending < 4 << 20 && written + pending < bytes) continue;
    const buffer = Buffer.from(parts.join(''));
    for (let done = 0; done < buffer.length; ) done += writeSync(handle, buffer, done);
    written += buffer.length;
    parts = [];
    pending = 0;
  }
  closeSync(handle);
}
