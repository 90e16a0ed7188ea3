/** Where and why a JSON text is refused; `offset` in UTF-16 units. */
export class JsonProblem extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/** The first problem of a JSON text, or null: slower than JSON.parse, and only run where that fails. */
export function examine(text: string, deepest: number): JsonProblem | null {
  try {
    new Scan(text, deepest).run();
    return null;
  } catch (error) {
    if (error instanceof JsonProblem) return error;
    throw error;
  }
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const plain = /[ !#-[\]-\uffff]+/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Scan {
  private at = 0;
  /** The open brackets: the keys of an object so far, or null for an array. */
  private readonly open: (Set<string> | null)[] = [];

  constructor(
    private readonly text: string,
    private readonly deepest: number,
  ) {}

  run(): void {
    do this.value();
    while (this.open.length > 0);
    this.space();
    if (this.at < this.text.length) throw this.unexpected();
  }

  /** A value, and the brackets that close behind it. */
  private value(): void {
    this.space();
    const character = this.text[this.at];
    if (character === '{' || character === '[') {
      if (this.open.length === this.deepest) {
        throw this.problem(`nested more than ${this.deepest} levels deep`);
      }
      this.at++;
      this.open.push(character === '{' ? new Set() : null);
      if (!this.closes()) {
        this.next();
        return;
      }
    } else if (character === '"') this.string();
    else {
      literal.lastIndex = this.at;
      const match = literal.exec(this.text);
      if (match === null) throw this.unexpected();
      this.at = literal.lastIndex;
    }
    this.rest();
  }

  /** Closing brackets, until a comma says that more follows. */
  private rest(): void {
    while (this.open.length > 0) {
      if (this.closes()) continue;
      if (this.text[this.at] !== ',') throw this.unexpected();
      this.at++;
      this.next();
      return;
    }
  }

  /** What comes before a value: in an object its key. */
  private next(): void {
    const keys = this.open.at(-1);
    if (!keys) return;
    this.space();
    const start = this.at;
    if (this.text[start] !== '"') throw this.unexpected();
    const key = this.string();
    const shown = JSON.stringify(key);
    if (keys.has(key)) throw this.problem(`the key ${shown} is given twice in one object`, start);
    if (key === '__proto__') throw this.problem(`the key ${shown} is not allowed`, start);
    keys.add(key);
    this.space();
    if (this.text[this.at] !== ':') throw this.unexpected();
    this.at++;
  }

  private closes(): boolean {
    this.space();
    if (this.text[this.at] !== (this.open.at(-1) ? '}' : ']')) return false;
    this.at++;
    this.open.pop();
    return true;
  }

  private string(): string {
    const start = this.at++;
    while (this.text[this.at] !== '"') {
      const part = this.text[this.at] === '\\' ? escaped : plain;
      part.lastIndex = this.at;
      if (!part.test(this.text)) throw this.badString(start);
      this.at = part.lastIndex;
    }
    this.at++;
    const value = JSON.parse(this.text.slice(start, this.at)) as string;
    if (/\p{Surrogate}/u.test(value)) {
      throw this.problem('half of a surrogate pair, which is no character', start);
    }
    if (value.includes('\0')) throw this.problem('a zero character (U+0000) in a string', start);
    return value;
  }

  private badString(start: number): JsonProblem {
    const code = this.text.charCodeAt(this.at);
    if (Number.isNaN(code)) return this.problem('not valid JSON: a string is not closed', start);
    if (code === 0x5c) return this.problem('not valid JSON: a bad escape in a string');
    const name = code.toString(16).padStart(4, '0');
    const remedy = code === 0x0a ? ' (write \\n)' : '';
    return this.problem(`not valid JSON: a bare control character U+${name} in a string${remedy}`);
  }

  private space(): void {
    while (' \t\n\r'.includes(this.text[this.at] ?? 'x')) this.at++;
  }

  private unexpected(): JsonProblem {
    const character = this.text.codePointAt(this.at);
    if (character === undefined) return this.problem('not valid JSON: it ends too early');
    const shown = JSON.stringify(String.fromCodePoint(character));
    return this.problem(`not valid JSON: unexpected ${shown}`);
  }

  private problem(message: string, offset = this.at): JsonProblem {
    return new JsonProblem(offset, message);
  }
}
