/** Parts of a row that Self-Instruct's filters look at. */
export interface Task {
  instruction: string;
  input: string;
  /** null: not known. */
  output: string | null;
}

/** Words for what a language model cannot see or make. */
const unsuitable =
  /(?<![\p{L}\p{N}_])(images?|graphs?|pictures?|files?|maps?|draw|plot|go to)(?![\p{L}\p{N}_])/iu;
const punctuation = /^[!-/:-@[-`{-~]/;

/**
 * Why Self-Instruct (Wang et al. 2022; filters of its published code) would leave out a row, or
 * null. Its filters are made for instructions in English.
 */
export function taskProblem({ instruction, input, output }: Task): string | null {
  const text = instruction.replace(/\s+/g, ' ').trim();
  const count = text === '' ? 0 : text.split(' ').length;
  if (count <= 3) return 'instruction of 3 words or fewer';
  if (count > 150) return 'instruction of more than 150 words';
  const word = unsuitable.exec(text)?.[1];
  if (word !== undefined) return `instruction with "${word.toLowerCase()}"`;
  if (/^write a program/i.test(text)) return 'instruction that starts with "Write a program"';
  if (punctuation.test(text)) return 'instruction that starts with punctuation';
  if (text > '' && (text.codePointAt(0) as number) > 0x7f) {
    return 'instruction that starts with a character beyond ASCII';
  }
  if (output === null) return null;
  if (output.trim() === '') return 'empty output';
  if (output.trim() === input.trim()) return 'output that is the input';
  if (input.trim().endsWith(':')) return 'input that ends in a colon';
  if (output.trim().endsWith(':')) return 'output that ends in a colon';
  return null;
}
