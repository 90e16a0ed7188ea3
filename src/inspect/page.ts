import { basename } from 'node:path';
import { Dataset } from '../batch/dataset.ts';
import type { ShownRow } from '../batch/inspect.ts';
import { writeParts } from '../checkpoint/files.ts';
import { changedSettings } from '../config/changed.ts';
import type { TrainConfig } from '../config.ts';
import type { DataOptions } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { dataPage } from '../page/html.ts';
import type { DataPage, PageSource } from '../page/model.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { evaluationData, evaluationFiles, trainingData } from '../train/data.ts';
import { modelSpec } from '../train/inspect.ts';
import { openModel } from '../train/model.ts';
import { findSpeed, runSize } from './cost.ts';
import { LossReader, withResult } from './losses.ts';
import { comparePacking } from './packing.ts';
import { Repeats } from './repeats.ts';
import { RowCollector } from './rows.ts';

export interface PageRequest {
  /** The most rows of a page; more are sampled evenly. */
  rows: number;
  /** Result of a run whose losses are wanted; true: of the model and adapter as configured; null: none. */
  losses: string | true | null;
  /** Whether the speed is measured where no earlier run tells it; null: where the weights are small. */
  measure: boolean | null;
  version: string;
  signal?: AbortSignal;
  onProgress?: (rows: number, of: number) => void;
}

/** Rows that speed is measured with. */
const sampleRows = 256;

/** Writes the data of a configuration as a page. Throws as `inspect` and `evaluate` do. */
export async function writeDataPage(
  given: TrainConfig,
  path: string,
  request: PageRequest,
): Promise<void> {
  const config = typeof request.losses === 'string' ? withResult(given, request.losses) : given;
  const collected = await new Gathering(config, request).run();
  await writeParts(path, dataPage(...collected));
}

/** Everything that a page is made from, gathered in one pass over the rows. */
class Gathering {
  private readonly collector = new RowCollector();
  private readonly repeats = new Repeats();
  private readonly sources: PageSource[] = [];
  private readonly samples: ShownRow[] = [];
  private losses: LossReader | null = null;
  private waiting: { row: ShownRow; source: number }[] = [];
  private waitingTokens = 0;

  constructor(
    private readonly config: TrainConfig,
    private readonly request: PageRequest,
  ) {}

  async run(): Promise<Parameters<typeof dataPage>> {
    const { config, request } = this;
    const spec = await modelSpec(config);
    const training = await trainingData(config, spec.vocabularySize);
    const dataset = await Dataset.open({ ...training, streaming: false });
    let evaluation: Dataset | null = null;
    try {
      const files = await evaluationFiles(config);
      if (files.length > 0) {
        const options = evaluationData(training, files, 1);
        evaluation = await Dataset.open(options, { encode: false });
      }
      if (request.losses !== null) {
        const model = await openModel(config.model, config.adapter, config.modelRevision);
        this.losses = await LossReader.open(config, model);
      }
      const sets: [Dataset, PageSource['role']][] = [[dataset, 'train']];
      if (evaluation) sets.push([evaluation, 'eval']);
      for (const [set, role] of sets) {
        for (const source of set.accountingSoFar().sources) this.sources.push({ ...source, role });
      }
      const available = this.sources.reduce((sum, { rows }) => sum + rows, 0);
      const every = Math.max(1, Math.ceil(available / request.rows));
      for (const [set, role] of sets) await this.read(set, role, every, available);
      const account = await dataset.accounting();
      return await this.finish(
        training,
        { ...account, available: account.available ?? account.read },
        { available, every },
        runSize(config, spec, account),
      );
    } finally {
      this.losses?.close();
      await dataset.close();
      await evaluation?.close();
    }
  }

  private async read(
    dataset: Dataset,
    role: PageSource['role'],
    every: number,
    available: number,
  ): Promise<void> {
    const { signal, onProgress } = this.request;
    for await (const row of dataset.shown(every)) {
      if (signal?.aborted) throw new AttuneError('aborted', 'inspect was interrupted');
      const source = this.sources.findIndex(
        (each) => each.role === role && each.file === row.place.file,
      );
      this.repeats.add(row, this.config.datasetTextField);
      if (this.samples.length < sampleRows && row.dropped === null) this.samples.push(row);
      await this.take(row, source);
      onProgress?.(this.collector.rows, Math.ceil(available / every));
    }
    await this.flush();
  }

  /** Rows wait for enough tokens to fill a batch of the engine. */
  private async take(row: ShownRow, source: number): Promise<void> {
    if (this.losses === null) {
      this.collector.add(row, source, null);
      return;
    }
    const tokens = row.dropped === null ? Math.min(row.ids.length, this.losses.capacity) : 0;
    if (this.waitingTokens + tokens > this.losses.capacity) await this.flush();
    this.waiting.push({ row, source });
    this.waitingTokens += tokens;
  }

  private async flush(): Promise<void> {
    const rows = this.waiting;
    this.waiting = [];
    this.waitingTokens = 0;
    if (rows.length === 0 || this.losses === null) return;
    const used = rows.map(({ row }) => row).filter(({ dropped }) => dropped === null);
    const losses = used.length === 0 ? [] : await this.losses.read(used);
    let next = 0;
    for (const { row, source } of rows) {
      // What is left out is not to be learned.
      const own = row.dropped === null ? losses[next++] : null;
      this.collector.add(row, source, own ?? null);
    }
  }

  private async finish(
    training: DataOptions,
    account: DataPage['account'],
    sample: Pick<DataPage, 'available' | 'every'>,
    size: ReturnType<typeof runSize>,
  ): Promise<Parameters<typeof dataPage>> {
    const { config, request, collector, repeats, sources } = this;
    const { columns, chunks } = await collector.finish();
    repeats.mark(columns, (source) => sources[source]?.role === 'eval');
    const tokenizer = await Tokenizer.load(training.tokenizerDir);
    const names = [...collector.unwritten].map((id) => [id, nameOf(tokenizer, id)]);
    const used = columns.whole.filter(
      (_, row) => columns.reason[row] === 0 && sources[columns.source[row] ?? 0]?.role === 'train',
    );
    const page: DataPage = {
      title: `Data: ${sources.map(({ file }) => basename(file)).join(', ')}`,
      version: request.version,
      made: new Date().toISOString(),
      model: config.model,
      settings: changedSettings(config),
      sources,
      ...sample,
      rows: collector.rows,
      account,
      maxLength: config.maxLength,
      reasons: collector.reasons,
      names: Object.fromEntries(names),
      ...comparePacking(used, config.packing, config.maxLength),
      cost: { ...size, ...(await findSpeed(config, this.samples, request.measure)) },
      duplicates: { threshold: repeats.threshold, cut: repeats.cut },
      lossesOf: request.losses === null ? null : (config.adapter ?? config.model),
      chunks: collector.starts,
    };
    return [page, columns, chunks];
  }
}

/** Text of a token that stands for no text of the row. */
function nameOf(tokenizer: Tokenizer, id: number): string {
  const { bosId, eosId, bos, eos } = tokenizer;
  const special = id === bosId ? bos : id === eosId ? eos : null;
  return special ?? (tokenizer.decode([id]) || `id ${id}`);
}
