import { findDescriptor } from '../arch/index.ts';
import { readJson } from '../checkpoint/json.ts';
import { resolveOptions, type TrainConfig, type TrainOptions } from '../config.ts';
import type { InspectedRow } from '../data/options.ts';
import { modelDirectory } from '../hub/model.ts';
import type { ModelSpec } from '../native/addon.d.ts';
import { trainingData } from './data.ts';

/**
 * The rows of the training files as training will see them: rendered, tokenized, masked. Takes the
 * keys of training; of the model only its configuration and tokenizer are read.
 */
export function inspect(options: TrainOptions): AsyncGenerator<InspectedRow> {
  return inspectRows(resolveOptions(options).config);
}

/** The same, of a configuration that was checked before. */
export async function* inspectRows(config: TrainConfig): AsyncGenerator<InspectedRow> {
  const { vocabularySize } = await modelSpec(config);
  const { Dataset } = await import('../batch/dataset.ts');
  const dataset = await Dataset.open(
    { ...(await trainingData(config, vocabularySize)), streaming: false },
    { encode: false },
  );
  try {
    yield* dataset.inspect();
  } finally {
    await dataset.close();
  }
}

/** The model's switches and sizes, of which no weight is needed. */
export async function modelSpec(
  config: Pick<TrainConfig, 'model' | 'modelRevision'>,
): Promise<ModelSpec> {
  const dir = await modelDirectory(config.model, config.modelRevision, false);
  const model = await readJson(`${dir}/config.json`);
  return findDescriptor(model).spec(model);
}
