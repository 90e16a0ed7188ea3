import { type CharSet, codeLimit } from './charset.ts';
import { type Pattern, parsePattern } from './parse.ts';

/**
 * A pattern as a table: one step a character, whatever the pattern. From state s at a character of
 * class c, transitions[s * width + c] is twice the next state, plus 1 where a match ends before that
 * character; class 0 is the end of the text. State 0 is dead, 1 the start. Of the ends that a run
 * meets the last is that of the match which a backtracking engine finds first.
 */
export interface Automaton {
  /** Class of every code point [0x110000]. */
  classes: Uint8Array;
  /** [states, width]. */
  transitions: Uint16Array;
  width: number;
}

const mostInstructions = 4000;
const mostStates = 4000;
const mostWork = 1 << 23;

/** Compiles a pattern of tokenizer.json. Throws Error with the reason where that is not possible. */
export function compilePattern(source: string): Automaton {
  return determine(new Program(parsePattern(source)));
}

type Instruction =
  | { op: 'set'; set: CharSet; next: number }
  | { op: 'look'; set: CharSet; atEnd: boolean; next: number }
  | { op: 'fork'; first: number; second: number }
  | { op: 'match' };

/** Thompson's construction: what to try at a character, in order of preference. */
class Program {
  readonly code: Instruction[] = [{ op: 'match' }];
  readonly start: number;
  private work = 0;

  constructor(pattern: Pattern) {
    this.start = this.emit(pattern, 0);
  }

  /** Appends the code of `pattern`, going on at `next`; returns where it begins. */
  private emit(pattern: Pattern, next: number): number {
    switch (pattern.kind) {
      case 'set':
        return this.push({ op: 'set', set: pattern.set, next });
      case 'look':
        return this.push({ op: 'look', set: pattern.set, atEnd: pattern.atEnd, next });
      case 'sequence':
        return pattern.parts.reduceRight((after, part) => this.emit(part, after), next);
      case 'choice':
        return pattern.options
          .map((option) => this.emit(option, next))
          .reduceRight((second, first) => this.push({ op: 'fork', first, second }));
      case 'repeat':
        return this.repeat(pattern, next);
    }
  }

  private repeat(pattern: Extract<Pattern, { kind: 'repeat' }>, next: number): number {
    const { part, least, most, greedy } = pattern;
    const fork = (more: number): number =>
      this.push({ op: 'fork', first: greedy ? more : next, second: greedy ? next : more });
    let begin = next;
    if (most === Number.POSITIVE_INFINITY) {
      begin = fork(next);
      const more = this.emit(part, begin);
      const loop = this.code[begin] as Extract<Instruction, { op: 'fork' }>;
      if (greedy) loop.first = more;
      else loop.second = more;
    } else {
      for (let i = least; i < most; i++) begin = fork(this.emit(part, begin));
    }
    for (let i = 0; i < least; i++) begin = this.emit(part, begin);
    return begin;
  }

  private push(instruction: Instruction): number {
    if (this.code.length >= mostInstructions) throw new Error('too long');
    return this.code.push(instruction) - 1;
  }

  /**
   * Where `threads` stand after a character of `members` (null: the end of the text), and whether
   * one of them had matched before it; those of lower preference than that are dropped.
   */
  step(
    threads: readonly number[],
    accepts: (set: CharSet) => boolean,
    end: boolean,
  ): [number[], boolean] {
    const seen = new Set<number>();
    const after = new Set<number>();
    const stack = [...threads].reverse();
    while (stack.length > 0) {
      const at = stack.pop() as number;
      if (++this.work > mostWork) throw new Error('it takes too long to compile');
      if (seen.has(at)) continue;
      seen.add(at);
      const instruction = this.code[at] as Instruction;
      if (instruction.op === 'match') return [[...after], true];
      if (instruction.op === 'fork') stack.push(instruction.second, instruction.first);
      else if (instruction.op === 'set') {
        if (!end && accepts(instruction.set)) after.add(instruction.next);
      } else if (end ? instruction.atEnd : accepts(instruction.set)) stack.push(instruction.next);
    }
    return [[...after], false];
  }
}

function determine(program: Program): Automaton {
  const sets = program.code.flatMap((each) => ('set' in each ? [each.set] : []));
  const { classes, members } = partition(sets);
  const width = members.length + 1;
  const states: number[][] = [[], [program.start]];
  const known = new Map(states.map((threads, state) => [threads.join(), state]));
  const rows: number[][] = [];
  for (let state = 0; state < states.length; state++) {
    rows.push(
      Array.from({ length: width }, (_, c) => {
        const inside = members[c - 1];
        const accepts = (set: CharSet): boolean => inside?.has(set) ?? false;
        const [threads, matched] = program.step(states[state] as number[], accepts, c === 0);
        const key = threads.join();
        let next = known.get(key);
        if (next === undefined) {
          next = states.push(threads) - 1;
          if (next >= mostStates) throw new Error('it needs too many states');
          known.set(key, next);
        }
        return 2 * next + Number(matched);
      }),
    );
  }
  return { classes, transitions: Uint16Array.from(rows.flat()), width };
}

/** Classes of code points that no set tells apart, from 1 on, and the sets that each is in. */
function partition(sets: readonly CharSet[]): { classes: Uint8Array; members: Set<CharSet>[] } {
  const distinct = [...new Map(sets.map((set) => [set.join(), set])).values()];
  const edges = [...new Set([0, codeLimit, ...distinct.flat()])].sort((a, b) => a - b);
  const places = new Map(edges.map((edge, i) => [edge, i]));
  const keys = new Array<string>(edges.length - 1).fill('');
  for (const set of distinct) {
    const inside = new Uint8Array(keys.length);
    for (let i = 0; i < set.length; i += 2) {
      inside.fill(1, places.get(set[i] as number), places.get(set[i + 1] as number));
    }
    for (let i = 0; i < keys.length; i++) keys[i] = `${keys[i]}${inside[i]}`;
  }
  const numbers = new Map<string, number>();
  const classes = new Uint8Array(codeLimit);
  keys.forEach((key, i) => {
    const number = numbers.get(key) ?? numbers.size + 1;
    if (number > 255) throw new Error('it tells too many characters apart');
    numbers.set(key, number);
    classes.fill(number, edges[i], edges[i + 1]);
  });
  const members = [...numbers.keys()].map((key) => {
    const inside = new Set(distinct.filter((_, i) => key[i] === '1').map((set) => set.join()));
    return new Set(sets.filter((set) => inside.has(set.join())));
  });
  return { classes, members };
}
