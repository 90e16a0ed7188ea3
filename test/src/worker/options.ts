import type { DataOptions } from '../../../src/data/options.ts';

/** Options of the tiny tokenizer with `changes`. */
export function options(changes: Partial<DataOptions> = {}): DataOptions {
  return {
    files: [],
    formatting: null,
    tokenizerDir: '',
    vocabularySize: 267,
    maxLength: null,
    truncationMode: 'keep_start',
    packing: false,
    packedTogether: 1000,
    completionOnlyLoss: null,
    assistantOnlyLoss: null,
    rolesToTrain: ['assistant'],
    maskHistory: false,
    trainOnEos: 'turn',
    datasetTextField: 'text',
    chatTemplate: null,
    sampling: 'sequential',
    seed: 42,
    batchSize: 1,
    workers: 1,
    readAll: true,
    cache: false,
    onBadRow: 'error',
    streaming: false,
    ...changes,
  };
}
