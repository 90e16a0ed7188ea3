import { fail } from './failure.ts';
import type { Token, TokenType } from './lexer.ts';

/** How deep expressions and statements may lie in one another. */
const deepest = 200;

/** The tokens of a template, read from left to right. */
export class TokenReader {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  get current(): Token {
    return this.tokens[this.at] as Token;
  }

  get line(): number {
    return this.current.line;
  }

  get next(): Token {
    return this.tokens[Math.min(this.at + 1, this.tokens.length - 1)] as Token;
  }

  take(): Token {
    const token = this.current;
    if (token.type !== 'end') this.at++;
    return token;
  }

  is(type: TokenType, ...values: string[]): boolean {
    const { current } = this;
    return current.type === type && (values.length === 0 || values.includes(current.value));
  }

  /** Takes the current token where it is an operator `value`. */
  skip(value: string): boolean {
    const found = this.is('operator', value);
    if (found) this.at++;
    return found;
  }

  skipName(value: string): boolean {
    const found = this.is('name', value);
    if (found) this.at++;
    return found;
  }

  expect(type: TokenType, value?: string): Token {
    if (!this.is(type, ...(value === undefined ? [] : [value]))) {
      this.refuse(`expected ${value ?? type}, found ${describe(this.current)}`);
    }
    return this.take();
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.depth > deepest) this.refuse(`nested deeper than ${deepest} levels`);
    const value = parse();
    this.depth--;
    return value;
  }

  refuse(message: string, line = this.line): never {
    fail(`line ${line}: ${message}`);
  }
}

export function describe(token: Token): string {
  if (token.type === 'end') return 'the end of the template';
  return token.type === 'operator' || token.type === 'name' ? token.value : token.type;
}
