import { setImmediate } from 'node:timers/promises';
import type { DataOptions, InspectedRow } from '../data/options.ts';
import type { Span } from '../template/segments.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { EncodedRow } from '../worker/encode.ts';
import { ignored } from '../worker/labels.ts';
import type { Records } from './records.ts';

/** Milliseconds of rows after which others run: signals, timers. */
const turn = 20;

/**
 * Every row in file order, as training takes it before packing. The tokenizer is loaded on first
 * use. A row that came tokenized shows its decoded text, cut where its labels turn on and off.
 */
export async function* inspectRows(
  records: Records,
  options: DataOptions,
): AsyncGenerator<InspectedRow> {
  const { Tokenizer: Loader } = await import('../tokenizer/tokenizer.ts');
  const { RowEncoder } = await import('../worker/encode.ts');
  const tokenizer = await Loader.load(options.tokenizerDir);
  const encoder = new RowEncoder(tokenizer, options);
  let index = 0;
  let pause = performance.now() + turn;
  for (const { value, shape, place, uses } of records.read()) {
    if (performance.now() > pause) {
      await setImmediate();
      pause = performance.now() + turn;
    }
    const row = encoder.encode(value, shape, place);
    const { text, spans } = row.text === null ? decodeRuns(row, tokenizer) : pointSpans(row);
    yield {
      index: index++,
      input_ids: [...row.ids],
      labels: [...row.labels],
      text,
      spans,
      truncated: row.truncated,
      dropped: uses === 0 ? 'not used at the weight of its file' : row.dropped,
      source: place,
    };
  }
}

/** Spans by code point instead of UTF-16 unit. */
function pointSpans(row: EncodedRow): { text: string; spans: Span[] } {
  const text = row.text ?? '';
  let done = 0;
  const spans = row.spans.map(([start, end, trained]): Span => {
    const from = done;
    done += points(text.slice(start, end));
    return [from, done, trained];
  });
  return { text, spans };
}

function decodeRuns(row: EncodedRow, tokenizer: Tokenizer): { text: string; spans: Span[] } {
  const spans: Span[] = [];
  let text = '';
  let done = 0;
  for (let start = 0; start < row.ids.length; ) {
    const trained = row.labels[start] !== ignored;
    let end = start + 1;
    while (end < row.ids.length && (row.labels[end] !== ignored) === trained) end++;
    const part = tokenizer.decode(row.ids.subarray(start, end));
    spans.push([done, done + points(part), trained]);
    done += points(part);
    text += part;
    start = end;
  }
  return { text, spans };
}

function points(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
