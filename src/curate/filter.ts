import { RowProblem } from '../data/problem.ts';
import type { Row } from '../data/shape.ts';
import { AttuneError } from '../errors.ts';
import { type CurateOptions, type CurateReport, curate, type Left, type Work } from './curate.ts';
import { type Task, taskProblem } from './heuristics.ts';
import { languageDetector } from './language.ts';
import { checkNumber } from './numbers.ts';
import type { RowSet } from './rowset.ts';
import { isPart, partBreak, partsOf } from './rowtext.ts';
import { words } from './words.ts';

export interface FilterOptions extends CurateOptions {
  /** Bounds of the length of the text that `by` names, each inclusive. */
  minChars?: number;
  maxChars?: number;
  minWords?: number;
  maxWords?: number;
  minTokens?: number;
  maxTokens?: number;
  /** Directory of the tokenizer, for lengths in tokens. */
  tokenizer?: string;
  /** Languages that stay (ISO 639-1). */
  languages?: readonly string[];
  /** Texts whose language the detector is not sure of are left out, too (default: they stay). */
  sureLanguage?: boolean;
  /** Self-Instruct's filters of instructions, inputs and outputs. */
  selfInstruct?: boolean;
}

/** Why a text is left out, or null. */
type Test = (text: string) => Left | null;

const measures = {
  Chars: { unit: 'characters', of: (text: string) => [...text].length },
  Words: { unit: 'words', of: (text: string) => words(text).length },
} as const;

/**
 * Leaves out rows by their length, language, or Self-Instruct's filters. Rejects with `config`
 * where no filter is given, with `data`, or with `device` where a file cannot be written.
 */
export async function filter(options: FilterOptions): Promise<CurateReport> {
  const settings: Record<string, unknown> = {};
  const tests: Test[] = [];
  for (const [name, { unit, of }] of Object.entries(measures)) {
    addBounds(name as keyof typeof measures, unit, of);
  }
  if (options.minTokens !== undefined || options.maxTokens !== undefined) {
    if (!options.tokenizer) {
      throw new AttuneError('config', 'tokenizer: name its directory, to count tokens');
    }
    settings.tokenizer = options.tokenizer;
    const { Tokenizer } = await import('../tokenizer/tokenizer.ts');
    const tokenizer = await Tokenizer.load(options.tokenizer);
    const count = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).ids.length;
    addBounds('Tokens', 'tokens', count);
  }
  if (options.languages?.length) {
    settings.languages = options.languages;
    settings.sure = options.sureLanguage ?? false;
    tests.push(await languageTest(options.languages, options.sureLanguage ?? false));
  }
  if (options.selfInstruct) settings.self_instruct = true;
  if (tests.length === 0 && !options.selfInstruct) {
    throw new AttuneError('config', 'name a filter: a length, languages, or self-instruct');
  }
  const judge = (rows: RowSet, work: Work) =>
    judgeRows(rows, work, tests, options.selfInstruct ?? false);
  return curate('filter', options, settings, judge);

  function addBounds(
    name: 'Chars' | 'Words' | 'Tokens',
    unit: string,
    measure: (text: string) => number,
  ): void {
    const [min, max] = [`min${name}`, `max${name}`] as const;
    if (options[min] === undefined && options[max] === undefined) return;
    const least = checkNumber(options, min, 0, { least: 0, whole: true });
    const most = checkNumber(options, max, Number.MAX_SAFE_INTEGER, { least, whole: true });
    const unitName = name.toLowerCase();
    if (options[min] !== undefined) settings[`min_${unitName}`] = least;
    if (options[max] !== undefined) settings[`max_${unitName}`] = most;
    tests.push((text) => {
      const found = measure(text.replaceAll(partBreak, '\n'));
      if (found < least) return { reason: `fewer than ${least} ${unit}`, detail: `${found}` };
      if (found > most) return { reason: `more than ${most} ${unit}`, detail: `${found}` };
      return null;
    });
  }
}

async function languageTest(wanted: readonly string[], sure: boolean): Promise<Test> {
  const detector = await languageDetector();
  const unknown = wanted.find((code) => !detector.languages.includes(code));
  if (unknown !== undefined) {
    const known = detector.languages.join(', ');
    throw new AttuneError('config', `languages: ${unknown} is not known; known are ${known}`);
  }
  return (text) => {
    const { code, isReliable } = detector.detect(text.replaceAll(partBreak, '\n'));
    const isSure = code !== '' && isReliable;
    if (!isSure) return sure ? { reason: 'language not certain', detail: code || 'none' } : null;
    return wanted.includes(code) ? null : { reason: 'another language', detail: code };
  };
}

async function judgeRows(
  rows: RowSet,
  work: Work,
  tests: readonly Test[],
  selfInstruct: boolean,
): Promise<Map<number, Left>> {
  const left = new Map<number, Left>();
  const outputs = selfInstruct ? new Contradictions() : null;
  for (let row = rows.first; row < rows.length; row++) {
    await work.step(row);
    const text = tests.length > 0 || !isPart(rows.by) ? rows.text(row) : '';
    let why = tests.reduce<Left | null>((found, test) => found ?? test(text), null);
    if (selfInstruct) {
      const task = taskOf(rows, row);
      const reason = why === null ? taskProblem(task) : null;
      if (reason !== null) why = { reason };
      outputs?.add(row, task);
    }
    if (why !== null) left.set(row, why);
  }
  for (const [row, of] of outputs?.rows ?? []) {
    if (!left.has(row)) left.set(row, { reason: 'same input with another output', of });
  }
  return new Map([...left].sort(([a], [b]) => a - b));
}

/** The columns instruction, input and output; of other rows what is asked and what is answered. */
function taskOf(rows: RowSet, row: number): Task {
  const value = rows.value(row) as Row;
  return rows.explain(row, () => {
    if (!isPart(rows.by)) return { instruction: rows.text(row), input: '', output: null };
    if (typeof value?.instruction === 'string') {
      const text = (name: string) => (typeof value[name] === 'string' ? value[name] : null);
      return { instruction: value.instruction, input: text('input') ?? '', output: text('output') };
    }
    const parts = partsOf(rows.record(row, value), value);
    if (parts === null) {
      throw new RowProblem('self-instruct: plain text has no instruction; name its column with by');
    }
    return { instruction: parts.prompt, input: '', output: parts.completion };
  });
}

/** Rows of one instruction and input, not empty, whose outputs differ: all of them are left out. */
class Contradictions {
  /** Row → another row that contradicts it. */
  readonly rows = new Map<number, number>();
  private readonly first = new Map<string, { row: number; output: string }>();

  add(row: number, { instruction, input, output }: Task): void {
    if (input.trim() === '' || output === null) return;
    const key = JSON.stringify([instruction.trim(), input.trim()]);
    const before = this.first.get(key);
    if (before === undefined) this.first.set(key, { row, output: output.trim() });
    else if (before.output !== output.trim()) {
      this.rows.set(row, before.row);
      if (!this.rows.has(before.row)) this.rows.set(before.row, row);
    }
  }
}
