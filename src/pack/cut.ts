import type { Packing } from './pack.ts';
import { splitLong } from './split.ts';

export interface CutOptions {
  packing: Packing;
  /** null: nothing is cut. */
  maxLength: number | null;
  truncationMode: 'keep_start' | 'keep_end';
}

/** The tokens [start, end) of a document that stay. */
export interface Cut {
  start: number;
  end: number;
  truncated: boolean;
  /** Why the document is left out, or null. */
  dropped: string | null;
}

/**
 * Truncates a document of `length` tokens, unless packing splits it. `trains` tells whether anything
 * of [start, end) is trained, as a document of its own.
 */
export function cutDocument(
  length: number,
  { packing, maxLength, truncationMode }: CutOptions,
  trains: (start: number, end: number) => boolean,
): Cut {
  const whole = { start: 0, end: length, truncated: false, dropped: null };
  if (maxLength === null || length <= maxLength || packing === 'wrapped') return whole;
  if (packing === 'bfd_split') {
    const { starts, ends } = splitLong(Int32Array.of(length), maxLength);
    if (starts.some((start, part) => trains(start, ends[part]!))) return whole;
    return { ...whole, dropped: `nothing left to train once split at ${maxLength} tokens` };
  }
  const start = truncationMode === 'keep_start' ? 0 : length - maxLength;
  const end = start + maxLength;
  const dropped = trains(start, end)
    ? null
    : `nothing left to train once cut to ${maxLength} tokens`;
  return { start, end, truncated: true, dropped };
}
