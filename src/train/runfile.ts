import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textFile, writeFiles } from '../checkpoint/files.ts';
import type { ChangedSetting } from '../config/changed.ts';
import type { Accounting } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import type { Outcome } from '../page/run.ts';
import type { RunPlan } from './events.ts';

/** output_dir/run.json: what a report needs beside metrics.jsonl. */
export interface RunFile {
  version: string;
  /** ISO 8601. */
  started: string;
  ended: string | null;
  outcome: Outcome;
  failure: string | null;
  plan: RunPlan;
  settings: ChangedSetting[];
  accounting: Accounting | null;
  warnings: string[];
  restarts: { reason: string; step: number; attempt: number }[];
}

const name = 'run.json';

export function writeRunFile(dir: string, run: RunFile): Promise<void> {
  return writeFiles(dir, [textFile(name, `${JSON.stringify(run, null, 2)}\n`)]);
}

/** Throws `config` where a directory has none, or one that no run wrote. */
export async function readRunFile(dir: string): Promise<RunFile> {
  const path = join(dir, name);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is none: no run was made there' : cause.message;
    throw new AttuneError('config', `${path}: ${reason}`, { cause });
  });
  try {
    const run = JSON.parse(text) as RunFile;
    if (typeof run.plan.memory.total === 'number' && Array.isArray(run.warnings)) return run;
  } catch {
    // The message is the same.
  }
  throw new AttuneError('config', `${path}: is not what a run writes`);
}
