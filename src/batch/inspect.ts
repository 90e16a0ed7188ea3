import { setImmediate } from 'node:timers/promises';
import type { DataOptions, InspectedRow } from '../data/options.ts';
import type { Place } from '../data/record.ts';
import { RowError } from '../errors.ts';
import type { Span } from '../template/segments.ts';
import { TokenStream } from '../tokenizer/stream.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { EncodedRow } from '../worker/encode.ts';
import { ignored } from '../worker/labels.ts';
import type { Records } from './records.ts';

/** Milliseconds of rows after which others run: signals, timers. */
const turn = 20;

/** A row as training takes it before packing, with all that people may want to see of it. */
export interface ShownRow extends EncodedRow {
  /** Place among all rows of the files. */
  index: number;
  /** The parsed row, formatted; undefined where it is bad. */
  value: unknown;
  place: Place;
  /** What was tokenized, or the decoded tokens of a row that came tokenized. */
  text: string;
}

/**
 * Every `every`th row in file order. The tokenizer is loaded on first use. Throws as `encode` does.
 */
export async function* shownRows(
  records: Records,
  options: DataOptions,
  every = 1,
): AsyncGenerator<ShownRow> {
  const { Tokenizer: Loader } = await import('../tokenizer/tokenizer.ts');
  const { RowEncoder } = await import('../worker/encode.ts');
  const tokenizer = await Loader.load(options.tokenizerDir);
  const encoder = new RowEncoder(tokenizer, options);
  let pause = performance.now() + turn;
  for (const { index, value: read, shape, place, uses } of records.read(every)) {
    if (performance.now() > pause) {
      await setImmediate();
      pause = performance.now() + turn;
    }
    let value: unknown;
    let row: EncodedRow;
    try {
      value = read();
      row = encoder.encode(value, shape, place);
    } catch (error) {
      if (options.onBadRow === 'error' || !(error instanceof RowError)) throw error;
      yield badRow(index, error);
      continue;
    }
    const { text } = row;
    const shown = text === null ? { ...row, ...decoded(row, tokenizer) } : { ...row, text };
    const dropped = uses === 0 ? 'not used at the weight of its file' : row.dropped;
    yield { ...shown, dropped, index, value, place };
  }
}

/** A bad row that is left out: nothing of it is tokenized. */
function badRow(index: number, { file, line, reason }: RowError): ShownRow {
  return {
    index,
    value: undefined,
    place: { file, line },
    ids: new Int32Array(0),
    labels: new Int32Array(0),
    offsets: new Int32Array(0),
    text: '',
    spans: [],
    whole: 0,
    truncated: false,
    dropped: `bad row: ${reason}`,
  };
}

/** Every row in file order, as `inspect --json` prints it. */
export async function* inspectRows(
  records: Records,
  options: DataOptions,
): AsyncGenerator<InspectedRow> {
  for await (const row of shownRows(records, options)) {
    yield {
      index: row.index,
      input_ids: [...row.ids],
      labels: [...row.labels],
      text: row.text,
      spans: pointSpans(row),
      truncated: row.truncated,
      dropped: row.dropped,
      source: row.place,
    };
  }
}

/** Spans by code point instead of UTF-16 unit. */
function pointSpans({ text, spans }: ShownRow): Span[] {
  let done = 0;
  return spans.map(([start, end, trained]): Span => {
    const from = done;
    done += points(text.slice(start, end));
    return [from, done, trained];
  });
}

/** The text of tokens, where each stands in it, and spans cut where labels turn on and off. */
function decoded(
  { ids, labels }: EncodedRow,
  tokenizer: Tokenizer,
): Pick<ShownRow, 'text' | 'spans' | 'offsets'> {
  const stream = new TokenStream(tokenizer);
  const offsets = new Int32Array(2 * ids.length);
  const spans: Span[] = [];
  let text = '';
  for (let i = 0; i < ids.length; i++) {
    const start = text.length;
    text += stream.push(ids[i] as number);
    if (i === ids.length - 1) text += stream.end();
    offsets.set([start, text.length], 2 * i);
    const trained = labels[i] !== ignored;
    const last = spans.at(-1);
    if (last?.[2] === trained) last[1] = text.length;
    else spans.push([start, text.length, trained]);
  }
  return { text, spans, offsets };
}

function points(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
