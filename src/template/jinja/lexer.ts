import { space, trimmed } from './characters.ts';
import { fail, JinjaFailure } from './failure.ts';
import { unescapeString } from './literals.ts';

export type TokenType =
  | 'text'
  | 'block begin'
  | 'block end'
  | 'print begin'
  | 'print end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'end';

export interface Token {
  type: TokenType;
  value: string;
  line: number;
}

const opening = /\{[%{#]/g;
const raw = sticky(`\\{%([-+]?)[${space}]*raw[${space}]*(?:-%\\}[${space}]*|%\\})`);
const endRaw = new RegExp(
  `\\{%([-+]?)[${space}]*endraw[${space}]*(?:\\+%\\}|-%\\}[${space}]*|%\\}\\n?)`,
  'g',
);
const blockEnd = sticky(`\\+%\\}|-%\\}[${space}]*|%\\}\\n?`);
const printEnd = sticky(`-\\}\\}[${space}]*|\\}\\}`);
const spaces = sticky(`[${space}]+`);
const float = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const integer =
  /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const name = /[\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}]+/uy;
const string = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const operator = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,]/y;
/** In the order in which they are tried. */
const patterns: [TokenType, RegExp][] = [
  ['float', float],
  ['integer', integer],
  ['name', name],
  ['string', string],
  ['operator', operator],
];
const closing: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

function sticky(source: string): RegExp {
  return new RegExp(source, 'y');
}

/**
 * Tokens of a template, with trim_blocks and lstrip_blocks: a block tag or comment takes the white
 * space before it on its line and the newline behind it; `-` takes all white space, `+` none.
 * Throws JinjaFailure with the line.
 */
export function tokenize(template: string): Token[] {
  return new Lexer(template).run();
}

class Lexer {
  private readonly source: string;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;
  /** Whether the last tag took the newline behind it. */
  private lineStarts = true;

  constructor(template: string) {
    this.source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '');
  }

  run(): Token[] {
    try {
      while (this.at < this.source.length) this.root();
    } catch (error) {
      if (error instanceof JinjaFailure) error.message = `line ${this.line}: ${error.message}`;
      throw error;
    }
    this.push('end', '');
    return this.tokens;
  }

  private root(): void {
    const { source, at } = this;
    opening.lastIndex = at;
    const start = opening.exec(source)?.index ?? source.length;
    const kind = source[start + 1];
    const isRaw = kind === '%' ? this.match(raw, start) : null;
    const signed = source[start + 2] ?? '';
    const sign = isRaw ? (isRaw[1] ?? '') : /[-+]/.test(signed) ? signed : '';
    this.text(at, start, start < source.length ? sign : '+', kind !== '{');
    if (start === source.length) {
      this.at = start;
    } else if (isRaw) {
      this.take(isRaw[0], start);
      this.raw();
    } else {
      this.take(source.slice(start, start + 2 + sign.length), start);
      if (kind === '#') this.comment();
      else this.tag(kind === '%');
    }
  }

  /** Emits text [start, end) before a tag with `sign`. */
  private text(start: number, end: number, sign: string, strips: boolean): void {
    let text = this.source.slice(start, end);
    const { line } = this;
    this.line += newlines(text);
    if (sign === '-') {
      text = text.slice(...trimmed(text, { left: false }));
    } else if (sign !== '+' && strips) {
      const lineStart = text.lastIndexOf('\n') + 1;
      const blank = new RegExp(`^[${space}]+$`).test(text.slice(lineStart));
      if ((lineStart > 0 || this.lineStarts) && blank) text = text.slice(0, lineStart);
    }
    if (text !== '') this.tokens.push({ type: 'text', value: text, line });
  }

  private raw(): void {
    endRaw.lastIndex = this.at;
    const found = endRaw.exec(this.source);
    if (found === null) fail('{% raw %} has no {% endraw %}');
    this.text(this.at, found.index, found[1] ?? '', true);
    this.take(found[0], found.index);
  }

  private comment(): void {
    const end = this.source.indexOf('#}', this.at);
    if (end < 0) fail('a comment has no end');
    const sign = end > this.at ? this.source[end - 1] : '';
    let after = end + 2;
    if (sign === '-') after += this.match(spaces, after)?.[0].length ?? 0;
    else if (sign !== '+' && this.source[after] === '\n') after++;
    this.take(this.source.slice(this.at, after), this.at);
  }

  private tag(block: boolean): void {
    this.push(block ? 'block begin' : 'print begin', '');
    const open: string[] = [];
    for (;;) {
      const end = open.length === 0 ? this.match(block ? blockEnd : printEnd, this.at) : null;
      if (end !== null) {
        this.push(block ? 'block end' : 'print end', '');
        this.take(end[0], this.at);
        return;
      }
      this.tagToken(open);
    }
  }

  private tagToken(open: string[]): void {
    const blank = this.match(spaces, this.at);
    if (blank !== null) {
      this.take(blank[0], this.at);
      return;
    }
    for (const [type, pattern] of patterns) {
      const text = this.match(pattern, this.at)?.[0];
      if (text === undefined || (type === 'float' && this.source[this.at - 1] === '.')) continue;
      if (type === 'operator') this.balance(text, open);
      this.push(type, tokenValue(type, text));
      this.take(text, this.at);
      return;
    }
    const character = this.source[this.at];
    fail(character === undefined ? 'a tag has no end' : `unexpected character ${character}`);
  }

  /** Keeps the brackets that are open: the end of a tag counts only outside them. */
  private balance(text: string, open: string[]): void {
    const closes = closing[text];
    if (closes !== undefined) open.push(closes);
    else if (/[)\]}]/.test(text) && open.pop() !== text) fail(`unexpected ${text}`);
  }

  private push(type: TokenType, value: string): void {
    this.tokens.push({ type, value, line: this.line });
  }

  /** Goes behind `text`, which stands at `start`. */
  private take(text: string, start: number): void {
    this.line += newlines(text);
    this.lineStarts = text.endsWith('\n');
    this.at = start + text.length;
  }

  private match(pattern: RegExp, at: number): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(this.source);
  }
}

function newlines(text: string): number {
  return text.split('\n').length - 1;
}

function tokenValue(type: TokenType, text: string): string {
  if (type === 'string') return unescapeString(text.slice(1, -1));
  return type === 'integer' || type === 'float' ? text.replaceAll('_', '') : text;
}
