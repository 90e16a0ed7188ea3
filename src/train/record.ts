import { closeSync, existsSync, openSync, statSync, writeSync } from 'node:fs';
import { copyFile, rm, symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { makeDirectory, writeError } from '../checkpoint/files.ts';
import { AttuneError } from '../errors.ts';
import type { Engine, EngineOptions, ModelSpec, TensorRead } from '../native/addon.d.ts';

/** Begins every record; the number is the format's. */
const MAGIC = 'attune record 1\n';
/** Larger files are linked to and not copied; `cp -rL` makes a record of links whole. */
const MOST_COPIED = 256 * 2 ** 20;

/** The calls of a record. docs/gpu.md has their fields; native/tools/record.cpp reads them. */
const CALL = { engine: 1, load: 2, restore: 3, accumulate: 4, update: 5 } as const;

/** One call: numbers as float64, text and arrays behind their length, all little-endian. */
class Call {
  readonly #parts: Uint8Array[] = [];

  numbers(...values: (number | boolean)[]): this {
    return this.#push(Float64Array.from(values, Number));
  }
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.#push(Uint32Array.of(bytes.length)).#push(bytes);
  }
  array(values: Int32Array | Float32Array): this {
    return this.#push(Uint32Array.of(values.length)).#push(values);
  }

  /** With its kind and length in front. */
  bytes(kind: number): Uint8Array {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const head = new Uint8Array(Uint32Array.of(kind, length).buffer);
    return Buffer.concat([head, ...this.#parts]);
  }

  #push({ buffer, byteOffset, byteLength }: ArrayBufferView): this {
    this.#parts.push(new Uint8Array(buffer, byteOffset, byteLength));
    return this;
  }
}

/** A file of calls, each on its way to the disk when `write` returns. */
class RecordFile {
  readonly #path: string;
  readonly #file: number;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
    this.#file = this.#attempt(() => openSync(path, 'w'));
    this.#attempt(() => writeSync(this.#file, MAGIC));
  }

  /** A call that ends after the engine was disposed is no part of the run. */
  write(kind: keyof typeof CALL, call: Call): void {
    if (this.#closed) return;
    this.#attempt(() => {
      let rest = call.bytes(CALL[kind]);
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#file, rest));
    });
  }

  close(): void {
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }

  #attempt<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }
}

/** Where the files of a record's weights lie in it: copies, or links where they are large. */
class RecordedFiles {
  readonly #dir: string;
  readonly #names = new Map<string, Promise<string>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The name in the record of the file at `path`. */
  name(path: string): Promise<string> {
    const found = this.#names.get(path) ?? this.#bring(path, this.#names.size);
    this.#names.set(path, found);
    return found;
  }

  async #bring(path: string, index: number): Promise<string> {
    const name = `files/${index}-${basename(path)}`;
    const target = join(this.#dir, name);
    try {
      if (statSync(path).size > MOST_COPIED) await symlink(resolve(path), target);
      else await copyFile(path, target);
    } catch (cause) {
      throw writeError(target, cause);
    }
    return name;
  }
}

function engineCall(spec: ModelSpec, options: EngineOptions): Call {
  const { adapter } = options;
  return new Call()
    .numbers(spec.vocabularySize, spec.hiddenSize, spec.embeddingSize, spec.intermediateSize)
    .numbers(spec.layers, spec.heads, spec.kvHeads, spec.headSize, spec.maxPositions)
    .text(spec.norm)
    .numbers(spec.normEpsilon)
    .text(spec.normPlacement)
    .numbers(spec.finalNorm)
    .text(spec.position)
    .numbers(spec.positionOffset)
    .array(spec.inverseFrequencies)
    .numbers(spec.rotaryScale, spec.attentionBias, spec.attentionOutputBias, spec.mlpBias)
    .text(spec.activation)
    .numbers(spec.gated, spec.tiedHead)
    .text(options.device)
    .numbers(options.tf32)
    .text(options.dtype)
    .text(options.method)
    .numbers(adapter?.rank ?? 0, adapter?.scale ?? 1, adapter?.dropout ?? 0)
    .text((adapter?.modules ?? []).join('\n'))
    .numbers(options.maxTokens, options.recompute ?? -1, options.seed)
    .text(options.loss)
    .numbers(options.labelSmoothing);
}

/**
 * Makes the directory of a record; one that lies there is removed. Throws `config` where it holds
 * other things, `device` where it cannot be written.
 */
export async function prepareRecord(dir: string): Promise<void> {
  const files = join(dir, 'files');
  if (existsSync(files) && !existsSync(join(dir, 'record.bin'))) {
    throw new AttuneError('config', `record: ${files} belongs to no record`);
  }
  await rm(files, { recursive: true, force: true });
  await makeDirectory(files);
}

/**
 * The same engine, of which everything that trains is recorded in `dir` with its results, so that
 * native/tools/replay.cpp can run it again on any device. Throws `device`, at once and later from
 * the verbs, where the record cannot be written.
 */
export function recordEngine(
  engine: Engine,
  spec: ModelSpec,
  options: EngineOptions,
  dir: string,
): Engine {
  const files = new RecordedFiles(dir);
  const record = new RecordFile(join(dir, 'record.bin'));
  record.write('engine', engineCall(spec, options));
  return {
    ...engine,
    async load(reads) {
      const call = new Call().numbers(reads.length);
      for (const read of reads) await appendRead(call, read, files);
      await engine.load(reads);
      record.write('load', call);
    },
    async restore(progress) {
      await engine.restore(progress);
      record.write('restore', new Call().numbers(progress.updates, progress.microBatches));
    },
    async accumulate(batch) {
      const sums = await engine.accumulate(batch);
      const { tokens, targets, positions, segments } = batch;
      const call = new Call().array(tokens).array(targets).array(positions).array(segments);
      const { loss, nll, entropy, correct } = sums;
      record.write('accumulate', call.numbers(loss, nll, entropy, correct, sums.tokens));
      return sums;
    },
    async update(given) {
      const result = await engine.update(given);
      const { learningRate, beta1, beta2, epsilon, weightDecay, maxGradNorm, tokens } = given;
      const call = new Call().numbers(learningRate, beta1, beta2, epsilon, weightDecay);
      call.numbers(maxGradNorm, tokens, result.gradNorm, result.applied);
      record.write('update', call);
      return result;
    },
    dispose() {
      engine.dispose();
      record.close();
    },
  };
}

async function appendRead(call: Call, read: TensorRead, files: RecordedFiles): Promise<void> {
  const { name, path, offset, bytes, dtype, part = 'value' } = read;
  call.text(name).text(await files.name(path));
  call.numbers(offset, bytes).text(dtype).text(part);
}
