import { fail } from './failure.ts';

/** An item of a list takes as much memory as this many characters. */
const perItem = 8;

/** What a rendering may use, whatever the template is; `input` is the size of the row. */
const steps = 4_000_000;
const stepsPerCharacter = 50;
const characters = 16 << 20;
const charactersPerCharacter = 32;
const depth = 100;

/** Bounds a rendering in time and memory by counting, so that the same template fails alike everywhere. */
export class Budget {
  private steps: number;
  private characters: number;
  private depth = 0;

  /** `input`: characters of what is rendered. */
  constructor(input: number) {
    this.steps = steps + stepsPerCharacter * input;
    this.characters = characters + charactersPerCharacter * input;
  }

  /** Counts work: one step is about one operation on a small value. */
  step(count = 1): void {
    this.steps -= count;
    if (this.steps < 0) fail('the template runs too long (a loop without a sensible end?)');
  }

  /** Counts characters that are made, before they are. */
  make(count: number): void {
    this.step(Math.ceil(count / 64));
    this.characters -= count;
    if (this.characters < 0) fail('the template makes too much text or too long lists');
  }

  /** Counts items of lists that are made, before they are. */
  makeItems(count: number): void {
    this.make(count * perItem);
  }

  /** Runs `body` inside a macro or recursive loop. */
  nested<T>(body: () => T): T {
    if (++this.depth > depth) fail(`macros call one another deeper than ${depth} levels`);
    try {
      return body();
    } finally {
      this.depth--;
    }
  }
}
