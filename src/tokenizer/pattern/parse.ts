import {
  type CharSet,
  codeLimit,
  complement,
  property,
  single,
  union,
  whiteSpace,
} from './charset.ts';

/** A pattern as a tree; sets are of code points, a look is at the one character that follows. */
export type Pattern =
  | { kind: 'set'; set: CharSet }
  | { kind: 'sequence'; parts: Pattern[] }
  | { kind: 'choice'; options: Pattern[] }
  | { kind: 'repeat'; part: Pattern; least: number; most: number; greedy: boolean }
  | { kind: 'look'; set: CharSet; atEnd: boolean };

/**
 * Reads the regular expressions that tokenizer.json has (Oniguruma, Unicode): what can be matched in
 * one pass, with looks ahead at one character. Throws Error with what it cannot.
 */
export function parsePattern(source: string): Pattern {
  return new Parser(source).whole();
}

const controls: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };
const mostRepeats = 1000;

class Parser {
  private at = 0;
  private caseless = false;

  constructor(private readonly source: string) {}

  whole(): Pattern {
    const pattern = this.choice();
    if (this.at < this.source.length) throw new Error('a ) without its (');
    return pattern;
  }

  private choice(): Pattern {
    const options = [this.sequence()];
    while (this.take('|')) options.push(this.sequence());
    return options.length === 1 ? (options[0] as Pattern) : { kind: 'choice', options };
  }

  private sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.at < this.source.length && !this.sees('|') && !this.sees(')')) {
      parts.push(this.repeated(this.atom()));
    }
    return parts.length === 1 ? (parts[0] as Pattern) : { kind: 'sequence', parts };
  }

  private repeated(part: Pattern): Pattern {
    const range = this.range();
    if (range === null) return part;
    if (part.kind === 'look') throw new Error('a look ahead that repeats');
    const [least, most] = range;
    const greedy = !this.take('?');
    if (this.sees('+') || this.sees('*') || this.sees('?') || this.range() !== null) {
      throw new Error('a possessive or doubled quantifier');
    }
    return { kind: 'repeat', part, least, most, greedy };
  }

  private range(): [number, number] | null {
    if (this.take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.take('?')) return [0, 1];
    const counts = /^\{(\d*)(,?)(\d*)\}/.exec(this.source.slice(this.at, this.at + 24));
    if (counts === null || (counts[1] === '' && counts[3] === '')) return null;
    const [all, first = '', comma, last = ''] = counts;
    this.at += all.length;
    const least = Number(first || 0);
    const most = comma === '' ? least : last === '' ? Number.POSITIVE_INFINITY : Number(last);
    if (most < least || least > mostRepeats || (most > mostRepeats && most < 1e9)) {
      throw new Error(`the count ${all}`);
    }
    return [least, most];
  }

  private atom(): Pattern {
    if (this.take('(')) return this.group();
    if (this.take('[')) return { kind: 'set', set: this.charClass() };
    if (this.take('.')) return { kind: 'set', set: complement(single(10)) };
    if (this.take('\\')) return { kind: 'set', set: this.escape() };
    const character = this.next();
    if ('^$*+?'.includes(character)) throw new Error(`${character} here`);
    return { kind: 'set', set: this.literal(character) };
  }

  private group(): Pattern {
    if (this.take('?=')) return this.look(false);
    if (this.take('?!')) return this.look(true);
    const before = this.caseless;
    if (this.take('?i:')) this.caseless = true;
    else if (!this.take('?:') && this.sees('?')) {
      throw new Error(`the group (${this.source.slice(this.at, this.at + 3)}`);
    }
    const inner = this.choice();
    this.caseless = before;
    if (!this.take(')')) throw new Error('a ( without its )');
    return inner;
  }

  /** One character ahead; nothing ahead satisfies a negative look alone. */
  private look(negative: boolean): Pattern {
    const inner = this.choice();
    if (!this.take(')')) throw new Error('a ( without its )');
    const options = inner.kind === 'choice' ? inner.options : [inner];
    const sets = options.map((option) => {
      if (option.kind === 'set') return option.set;
      throw new Error('a look ahead at more than one character');
    });
    const set = union(...sets);
    return { kind: 'look', set: negative ? complement(set) : set, atEnd: negative };
  }

  private literal(character: string): CharSet {
    const set = single(character.codePointAt(0) ?? 0);
    if (!this.caseless) return set;
    if (/[a-z]/i.test(character)) return bothCases(character);
    if (character.toLowerCase() === character.toUpperCase()) return set;
    throw new Error(`${character} regardless of case`);
  }

  /** After the backslash. */
  private escape(): CharSet {
    const letter = this.next();
    switch (letter) {
      case 's':
        return whiteSpace();
      case 'S':
        return complement(whiteSpace());
      case 'd':
        return named('Nd');
      case 'D':
        return complement(named('Nd'));
      case 'w':
        return named('Word');
      case 'W':
        return complement(named('Word'));
      case 'p':
      case 'P':
        return this.property(letter === 'P');
      case 'x':
      case 'u':
        return single(this.hexadecimal(letter));
    }
    const control = controls[letter];
    if (control !== undefined) return single(control);
    if (/[A-Za-z0-9]/.test(letter)) throw new Error(`\\${letter}`);
    return single(letter.codePointAt(0) ?? 0);
  }

  private property(negative: boolean): CharSet {
    const found = /^\{(\^?)(\w+)\}/.exec(this.source.slice(this.at, this.at + 40));
    if (found === null) throw new Error('\\p without a name');
    this.at += found[0].length;
    const set = named(found[2] ?? '');
    return negative !== (found[1] === '^') ? complement(set) : set;
  }

  private hexadecimal(letter: string): number {
    const pattern =
      letter === 'u' ? /^([0-9a-fA-F]{4})/ : /^(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))/;
    const found = pattern.exec(this.source.slice(this.at, this.at + 12));
    const code = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (!(code < codeLimit)) throw new Error(`\\${letter} without its number`);
    this.at += found?.[0].length ?? 0;
    return code;
  }

  /** After the opening bracket. */
  private charClass(): CharSet {
    const negative = this.take('^');
    const sets: CharSet[] = [];
    for (let first = true; first || !this.take(']'); first = false) {
      if (this.at >= this.source.length) throw new Error('a [ without its ]');
      if (this.sees('&&')) throw new Error('an intersection of classes');
      if (this.sees('[:')) throw new Error('a class [:name:]');
      if (first && this.sees(']')) throw new Error('an empty class');
      sets.push(this.take('[') ? this.charClass() : this.member());
    }
    const set = union(...sets);
    return negative ? complement(set) : set;
  }

  private member(): CharSet {
    const low = this.take('\\') ? this.escape() : single(this.next().codePointAt(0) ?? 0);
    if (this.sees('-') && !this.sees('-]') && low.length === 2 && low[1] === (low[0] ?? 0) + 1) {
      this.take('-');
      if (this.sees('[')) throw new Error('a range that ends in a class');
      const high = this.take('\\') ? this.escape() : single(this.next().codePointAt(0) ?? 0);
      const end = high[1] ?? 0;
      if (high.length !== 2 || end !== (high[0] ?? 0) + 1 || end <= (low[0] ?? 0)) {
        throw new Error('a range of characters out of order');
      }
      if (this.caseless) throw new Error('a class regardless of case');
      return [low[0] ?? 0, end];
    }
    if (this.caseless && low.length === 2) return this.literal(String.fromCodePoint(low[0] ?? 0));
    return low;
  }

  private sees(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  private take(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  private next(): string {
    const code = this.source.codePointAt(this.at);
    if (code === undefined) throw new Error('the end, where more must follow');
    const character = String.fromCodePoint(code);
    this.at += character.length;
    return character;
  }
}

function named(name: string): CharSet {
  const set = property(name);
  if (set === null) throw new Error(`\\p{${name}}`);
  return set;
}

/** Case folding of Unicode gives two ASCII letters a third form. */
function bothCases(letter: string): CharSet {
  const [low, high] = [letter.toLowerCase(), letter.toUpperCase()];
  const third = { s: '\u017f', k: '\u212a' }[low] ?? low;
  return union(...[low, high, third].map((form) => single(form.codePointAt(0) ?? 0)));
}
