/** What a stream needs of a tokenizer. */
interface Decoder {
  decode(ids: ArrayLike<number>, options?: { skipSpecialTokens?: boolean }): string;
}

/** Tokens of the prompt that are decoded along, since a decoder may join what it puts between two. */
const CONTEXT = 6;

/**
 * Text of generated tokens, as they come. A token can end inside a character; text is given out
 * once no later token can change it, so that the parts put together are the decoded whole.
 */
export class TokenStream {
  private readonly ids: number[];
  /** Tokens before `context` are forgotten; those before `shown` have been given out. */
  private context = 0;
  private shown: number;

  /** `prompt`: what the tokens continue; none of it is given out. */
  constructor(
    private readonly tokenizer: Decoder,
    private readonly options: { skipSpecialTokens?: boolean } = {},
    prompt: ArrayLike<number> = [],
  ) {
    this.ids = Array.from(prompt).slice(-CONTEXT);
    this.shown = this.ids.length;
  }

  /** Adds a token; returns the text that has become certain, often ''. */
  push(id: number): string {
    this.ids.push(id);
    return this.advance(false);
  }

  /** The text held back, bytes of unfinished characters as U+FFFD. */
  end(): string {
    return this.advance(true);
  }

  private advance(last: boolean): string {
    const before = this.tokenizer.decode(this.ids.slice(this.context, this.shown), this.options);
    const now = this.tokenizer.decode(this.ids.slice(this.context), this.options);
    if (now.length <= before.length || (!last && now.endsWith('\ufffd'))) return '';
    this.context = this.shown;
    this.shown = this.ids.length;
    return now.slice(before.length);
  }
}
