import { AttuneError } from '../errors.ts';
import type { Rendered } from './chat.ts';
import type { Stretch } from './spans.ts';

/** Which end-of-turn tokens are trained: of each trained turn, of the last one, every EOS, or none. */
export type TrainOnEos = 'turn' | 'last' | 'all' | 'none';

/** Finds the tokenizer's control tokens in a text: [start, end) of each. */
export type FindControls = (text: string) => [number, number][];

/** What is looked at behind a turn for the token that ends it. */
const window = 256;

/** Ends of turns in a rendered conversation: what the template writes behind the text of a turn. */
export class TurnEnds {
  constructor(
    private readonly rendered: Rendered,
    private readonly eos: string | null,
    private readonly controls: FindControls,
  ) {}

  /**
   * Throws `template` where the token that ends a turn of the assistant stands right behind a trained
   * stretch, so that the model would not learn to stop: a control token that is EOS, or that ends the
   * turns of all others too. `isAssistant` tells the assistant's messages.
   */
  check(stretches: readonly Stretch[], isAssistant: (message: number) => boolean): void {
    const { text } = this.rendered;
    for (const [start, end] of stretches) {
      const behind = text.slice(end, end + window);
      const owners = this.rendered.origins.messages(start, end);
      if (behind === '' || !owners.every(isAssistant)) continue;
      if (this.controls(text.slice(this.tail(start, end), end)).length > 0) continue;
      const [from, to] = this.controls(behind)[0] ?? [-1, -1];
      if (from !== 0 || this.rendered.origins.touches(end, end + to)) continue;
      const token = behind.slice(0, to);
      if (token === this.eos || this.endsOthers(token, isAssistant)) throw outside(token);
    }
  }

  /** Whether a token stands right behind the text of every message that is not the assistant's. */
  private endsOthers(token: string, isAssistant: (message: number) => boolean): boolean {
    const others = [...this.rendered.origins.ends()].filter(([message]) => !isAssistant(message));
    return others.length > 0 && others.every(([, at]) => this.rendered.text.startsWith(token, at));
  }

  /** The stretches with the ends of turns that `policy` asks for. */
  apply(stretches: readonly Stretch[], policy: TrainOnEos): Stretch[] {
    if (policy === 'turn') return [...stretches];
    const isKept = (i: number): boolean => policy === 'last' && i === stretches.length - 1;
    const kept = stretches
      .map(([start, end], i): Stretch => (isKept(i) ? [start, end] : [start, this.end(start, end)]))
      .filter(([start, end]) => end > start);
    return policy === 'all' ? join([...stretches, ...this.everyEos()]) : kept;
  }

  /** Where the row's text of a stretch ends. */
  private tail(start: number, end: number): number {
    return this.rendered.origins.lastEnd(start, end);
  }

  /** Where the end of a turn begins: at the first control token behind its text, or right behind it. */
  private end(start: number, end: number): number {
    const tail = this.tail(start, end);
    return tail + (this.controls(this.rendered.text.slice(tail, end))[0]?.[0] ?? 0);
  }

  /** Every EOS that the template writes. */
  private everyEos(): Stretch[] {
    const { rendered, eos } = this;
    if (eos === null) {
      throw new AttuneError('tokenizer', 'train_on_eos: all needs an EOS token, and there is none');
    }
    const found: Stretch[] = [];
    for (let at = rendered.text.indexOf(eos); at >= 0; at = rendered.text.indexOf(eos, at + 1)) {
      if (!rendered.origins.touches(at, at + eos.length)) found.push([at, at + eos.length]);
    }
    return found;
  }
}

/** Stretches in order, with those that touch or overlap joined. */
function join(stretches: Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const [start, end] of stretches.sort(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

function outside(token: string): AttuneError {
  return new AttuneError(
    'template',
    `the end of the assistant's turn, ${JSON.stringify(token)}, is not trained, so the model would ` +
      'not learn to stop: put {% endgeneration %} behind it, or say train_on_eos: none',
  );
}
