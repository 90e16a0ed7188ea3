import { RowProblem } from './problem.ts';

/** The prompts that Alpaca was published with (stanford_alpaca, train.py), an answer following at once. */
const opening = {
  withInput:
    'Below is an instruction that describes a task, paired with an input that provides further ' +
    'context. Write a response that appropriately completes the request.',
  withoutInput:
    'Below is an instruction that describes a task. ' +
    'Write a response that appropriately completes the request.',
};

/** The prompt of an Alpaca row; an input that is empty is none. */
export function alpacaPrompt(instruction: string, input: string): string {
  return input === ''
    ? `${opening.withoutInput}\n\n### Instruction:\n${instruction}\n\n### Response:`
    : `${opening.withInput}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:`;
}

/** Throws RowProblem for columns beside instruction and output that the published prompt has no place for. */
export function refuseMore(row: Record<string, unknown>): void {
  for (const name of ['system', 'history']) {
    const value = row[name];
    const isEmpty = value == null || value === '' || (Array.isArray(value) && value.length === 0);
    if (isEmpty) continue;
    throw new RowProblem(
      `"${name}" has no place in the prompt of instruction and output: write messages, or give formatting_func`,
    );
  }
}
