import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/**
 * Turns ids into text as they come. Text is held back while it ends inside a character, and a few
 * ids before the new ones are decoded along, because a decoder may join what it puts between ids.
 */
export class TextStream {
  readonly #tokenizer: Pick<Tokenizer, 'decode'>;
  readonly #ids: number[];
  #start: number;
  #end: number;
  text = '';

  constructor(tokenizer: Pick<Tokenizer, 'decode'>, prompt: Int32Array) {
    this.#tokenizer = tokenizer;
    this.#ids = Array.from(prompt);
    this.#start = Math.max(0, prompt.length - 6);
    this.#end = prompt.length;
  }

  /** The text that this id completes, often one word and at times none. */
  push(id: number): string {
    this.#ids.push(id);
    return this.#advance(false);
  }

  /** What is still held back. */
  end(): string {
    return this.#advance(true);
  }

  #advance(flush: boolean): string {
    const before = this.#decode(this.#end);
    const after = this.#decode(this.#ids.length);
    if (after.length <= before.length || (!flush && after.endsWith('\uFFFD'))) return '';
    this.#start = this.#end;
    this.#end = this.#ids.length;
    const piece = after.slice(before.length);
    this.text += piece;
    return piece;
  }

  #decode(end: number): string {
    const ids = Int32Array.from(this.#ids.slice(this.#start, end));
    return this.#tokenizer.decode(ids, { skipSpecialTokens: true });
  }
}
