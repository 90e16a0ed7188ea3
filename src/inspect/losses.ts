import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeBatch } from '../batch/batch.ts';
import type { ShownRow } from '../batch/inspect.ts';
import type { TrainConfig } from '../config.ts';
import type { Engine } from '../native/addon.d.ts';
import { findDevice } from '../native/device.ts';
import { type Model, startEngine } from '../train/model.ts';
import { ignored } from '../worker/labels.ts';

/** Tokens that a batch holds. */
const batchTokens = { cpu: 1024, cuda: 8192 };

/** The configuration with the result of a run in place of what it began from: an adapter or a model. */
export function withResult(config: TrainConfig, result: string): TrainConfig {
  const isAdapter = existsSync(join(result, 'adapter_config.json'));
  return isAdapter ? { ...config, adapter: result } : { ...config, model: result, adapter: null };
}

/** Losses of rows, token by token. */
export class LossReader {
  private constructor(
    private readonly engine: Engine,
    readonly capacity: number,
  ) {}

  /** Loads the model. A row's tokens beyond max_length, or the model's positions, get no loss. */
  static async open(config: TrainConfig, model: Model): Promise<LossReader> {
    const maxLength = config.maxLength ?? model.spec.maxPositions;
    const capacity = Math.max(maxLength, batchTokens[findDevice(config.device).kind]);
    const { engine, loaded } = startEngine(model, {
      method: 'none',
      device: config.device,
      tf32: config.tf32,
      dtype: config.dtype,
      maxTokens: capacity,
      maxLength,
    });
    try {
      await loaded;
      return new LossReader(engine, capacity);
    } catch (error) {
      engine.dispose();
      throw error;
    }
  }

  /** Nats of each token of each row, NaN where it is no target; rows of `capacity` tokens together. */
  async read(rows: readonly ShownRow[]): Promise<Float32Array[]> {
    const documents = rows.map(({ ids, labels }) => ({
      ids: ids.subarray(0, this.capacity),
      labels: labels.subarray(0, this.capacity),
    }));
    const found = await this.engine.tokenLosses(makeBatch(documents));
    let next = 0;
    return rows.map(({ ids, labels }) =>
      Float32Array.from(ids, (_, i) =>
        i > 0 && i < this.capacity && labels[i] !== ignored
          ? (found[next++] ?? Number.NaN)
          : Number.NaN,
      ),
    );
  }

  close(): void {
    this.engine.dispose();
  }
}
