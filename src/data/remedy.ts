import { readFileSync } from 'node:fs';

const largest = 256 << 20;

/** What a .json file is, whose top level is not an array, and what to do about it. */
export function topLevelProblem(file: string): string {
  const problem = 'the top level is not an array of rows';
  let text: string;
  try {
    const bytes = readFileSync(file);
    if (bytes.length > largest) return problem;
    text = bytes.toString('utf8').replace(/^\ufeff/, '');
  } catch {
    return problem;
  }
  if (text.trim() === '') return 'empty file';
  const value = parse(text);
  if (value === undefined) {
    const line = text.split('\n').find((each) => each.trim() !== '') ?? '';
    if (parse(line) !== undefined) return `${problem} but one row a line: rename it to .jsonl`;
    return `${problem}: write [ before the first row, ] after the last and commas between`;
  }
  const arrays = Object.entries(value ?? {}).filter(([, field]) => Array.isArray(field));
  const [name] = arrays[0] ?? [];
  if (arrays.length !== 1) return `${problem}: write the rows as one array [ … ]`;
  return `${problem}: its rows are under "${name}"; write that array alone to the file`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
