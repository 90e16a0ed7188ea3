/**
 * Every row is accounted for: of every data set one row in a hundred is damaged, and a run that leaves
 * bad rows out reads = trains + leaves out + quarantines, difference 0; its quarantine lists exactly the
 * damaged lines, whatever the number of threads, from the cache, as a stream, and when it goes on after
 * an interrupt. Without on_bad_row the first damaged line is named.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainOptions } from '../src/config.ts';
import type { Accounting, BadRow } from '../src/data/options.ts';
import { type Damaged, type DataSet, dataSets, writeDamaged } from './lib/damage.ts';
import {
  built,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';
import { writeTinyModel } from './lib/tiny.ts';

type Library = typeof import('../src/index.ts');

/** Rows of each data set in the short form of the proof. */
const shortRows = 120;

export async function proveAccounting({ trials, seed }: ProofOptions): Promise<Verdict> {
  const root = join(ROOT, '../shared/data');
  if (!existsSync(root)) return { line: 'SKIPPED 1: ../shared is absent', holds: true };
  const dir = workspace();
  process.env.ATTUNE_CACHE ??= join(dir, 'cache');
  const library = await built<Library>('index.js');
  const model = writeTinyModel(join(dir, 'model'), 'F32');
  const next = random(seed);
  const failures: string[] = [];
  let passed = 0;
  let rows = 0;
  let bad = 0;
  const sets = dataSets(root, dir);
  const all = trials >= sets.length;
  for (const [i, whole] of sets.entries()) {
    // In the short form few sets, of each kind of file one.
    if (!all && i % Math.ceil(sets.length / trials) !== 0) continue;
    const set = all ? whole : { ...whole, rows: whole.rows.slice(0, shortRows) };
    const places = new Set<number>();
    const wanted = Math.max(6, Math.round(set.rows.length / 100));
    while (places.size < Math.min(wanted, set.rows.length >> 2)) {
      places.add(Math.floor(next() * set.rows.length));
    }
    const damaged = writeDamaged(set, places, join(dir, `set-${i}`));
    const proof = new SetProof(library, model, set, damaged, join(dir, `run-${i}`));
    for (const [what, check] of proof.checks(all)) {
      const problem = await check().catch((error: Error) => error.message);
      if (problem === null) passed++;
      else failures.push(`${set.name}: ${what}: ${problem}`);
    }
    rows += set.rows.length;
    bad += places.size;
  }
  for (const failure of failures) console.error(failure);
  const line = `${bad} of ${rows} rows damaged; ${passed} passed, ${failures.length} failed`;
  return { line, holds: failures.length === 0 && passed > 0 };
}

type Check = () => Promise<string | null>;

/** The runs over one damaged data set. */
class SetProof {
  private first: Accounting | null = null;

  constructor(
    private readonly library: Library,
    private readonly model: string,
    private readonly set: DataSet,
    private readonly damaged: Damaged,
    private readonly dir: string,
  ) {}

  checks(all: boolean): [string, Check][] {
    const short: [string, Check][] = [
      ['a run', () => this.whole('run', { datasetNumProc: 2 })],
      ['interrupted and resumed', () => this.resumed()],
    ];
    if (!all) return short;
    return [
      ...short,
      ['from the cache, packed', () => this.whole('cache', { packing: 'bfd' })],
      ['one thread, no cache', () => this.whole('one', { datasetCache: false })],
      ['as a stream', () => this.streamed()],
      ['without on_bad_row', () => this.refused()],
    ];
  }

  private options(name: string, changes: Partial<TrainOptions>): TrainOptions {
    return {
      model: this.model,
      trainFile: this.damaged.path,
      formattingFunc: this.set.formatting,
      outputDir: join(this.dir, name),
      onBadRow: 'skip',
      device: 'cpu',
      dtype: 'float32',
      loraR: 2,
      loraTargetModules: 'q_proj',
      maxLength: 48,
      truncationMode: 'keep_end',
      perDeviceTrainBatchSize: 64,
      numTrainEpochs: 1,
      datasetNumProc: 1,
      saveStrategy: 'no',
      ...changes,
    };
  }

  private async whole(name: string, changes: Partial<TrainOptions>): Promise<string | null> {
    const { SFTTrainer } = this.library;
    const { accounting } = await new SFTTrainer(this.options(name, changes)).train();
    this.first ??= accounting;
    return this.judge(name, accounting);
  }

  /** Stopped in the middle of the rows, by max_steps so that rows are read as they are wanted. */
  private async resumed(): Promise<string | null> {
    const { SFTTrainer } = this.library;
    const steps = 1 + Math.ceil((this.first?.trained ?? 0) / 64);
    const options = this.options('resumed', { maxSteps: steps, saveStrategy: 'steps' });
    const stop = new AbortController();
    const trainer = new SFTTrainer({ ...options, signal: stop.signal });
    trainer.on('step', ({ step }) => {
      if (step === Math.max(1, steps >> 1)) stop.abort();
    });
    await trainer.train().catch(({ code }: Error & { code?: string }) => {
      if (code !== 'aborted') throw new Error(`the interrupted run ended with ${code}`);
    });
    const again = new SFTTrainer({ ...options, resumeFromCheckpoint: 'auto' });
    const { accounting } = await again.train();
    return this.judge('resumed', accounting);
  }

  private async streamed(): Promise<string | null> {
    const { SFTTrainer } = this.library;
    const maxSteps = 1 + Math.ceil((this.first?.trained ?? 0) / 64);
    const options = this.options('stream', { datasetStreaming: true, maxSteps });
    const { accounting } = await new SFTTrainer(options).train();
    return this.judge('stream', accounting);
  }

  private async refused(): Promise<string | null> {
    const { SFTTrainer } = this.library;
    const { path, lines } = this.damaged;
    const trainer = new SFTTrainer(this.options('refused', { onBadRow: 'error' }));
    const message = await trainer.train().then(
      () => 'it trained',
      (error: Error) => error.message,
    );
    return message.startsWith(`${path}:${lines[0]}: `) ? null : message;
  }

  /** What is wrong with an account and its quarantine; null: nothing. */
  private judge(name: string, accounting: Accounting): string | null {
    const { read, trained, leftOut, quarantined } = accounting;
    const out = leftOut.reduce((sum, { count }) => sum + count, 0);
    const difference = read - trained - out - quarantined.count;
    if (difference !== 0) return `difference ${difference}`;
    if (read !== this.set.rows.length) return `read ${read} of ${this.set.rows.length}`;
    const text = readFileSync(join(this.dir, name, 'quarantine.jsonl'), 'utf8');
    const rows = text
      .trimEnd()
      .split('\n')
      .map((row): BadRow => JSON.parse(row));
    const found = rows.map(({ line }) => line).sort((a, b) => a - b);
    const { lines, path } = this.damaged;
    if (rows.some(({ file }) => file !== path)) return 'another file is named';
    if (found.join() !== lines.join()) return `lines ${found.join()} for ${lines.join()}`;
    return quarantined.count === lines.length ? null : `${quarantined.count} counted`;
  }
}

await main(import.meta.url, 100, proveAccounting);
