import type { TokensRecord } from '../data/record.ts';
import type { Span } from '../template/segments.ts';

/** The label of a token that is not trained. */
export const ignored = -100;

/**
 * Labels [n], not shifted: the ids where trained, else -100. A token is trained when it shares a
 * character with a trained span, so one that begins before a span and ends inside it is trained
 * (as with transformers' char_to_token), and so is one that begins inside and ends behind it. A
 * token without width (BOS, EOS of the tokenizer) goes with the span at its place, at the end of
 * the text with the last one. `offsets` and `spans` in UTF-16 units; `spans` cover the text.
 */
export function labelTokens(
  ids: Int32Array,
  offsets: Int32Array,
  spans: readonly Span[],
): Int32Array {
  const labels = new Int32Array(ids.length).fill(ignored);
  let at = 0;
  for (let i = 0; i < ids.length; i++) {
    const start = offsets[2 * i] ?? 0;
    const end = offsets[2 * i + 1] ?? 0;
    while (at < spans.length - 1 && (spans[at]?.[1] ?? 0) <= start) at++;
    if (isTrained(spans, at, end)) labels[i] = ids[i] ?? ignored;
  }
  return labels;
}

/** Whether a token that begins in span `at` and ends at `end` touches a trained one. */
function isTrained(spans: readonly Span[], at: number, end: number): boolean {
  for (let i = at; i < spans.length; i++) {
    const [start, , trained] = spans[i] as Span;
    if (i > at && start >= end) return false;
    if (trained) return true;
  }
  return false;
}

/** Labels of a row tokenized elsewhere: its own, or its ids under the masks that apply. */
export function recordLabels(
  record: TokensRecord,
  completionOnlyLoss: boolean | null,
  assistantOnlyLoss: boolean | null,
): Int32Array {
  if (record.labels !== null) return record.labels;
  const masks = [
    completionOnlyLoss === false ? null : record.completionMask,
    assistantOnlyLoss === false ? null : record.assistantMask,
  ];
  return record.ids.map((id, i) => (masks.some((mask) => mask?.[i] === 0) ? ignored : id));
}

/** Labels that are trained in [start, end): the first is not, for nothing predicts it. */
export function countTrained(labels: Int32Array, start = 0, end = labels.length): number {
  let count = 0;
  for (let i = start + 1; i < end; i++) if (labels[i] !== ignored) count++;
  return count;
}
