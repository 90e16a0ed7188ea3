import { AttuneError } from '../errors.ts';
import { normalizeNfc } from './marks.ts';
import { type CharSet, complement, decode, property, union } from './pattern/charset.ts';
import { lateMarks } from './pattern/unicode-data.ts';

/**
 * Normalized text with where it came from: character unit i of `text` stands for the stretch
 * [starts[i], ends[i]) of the text before. `null` arrays: nothing changed.
 */
export interface Aligned {
  text: string;
  starts: Int32Array | null;
  ends: Int32Array | null;
}

export function unchanged(text: string): Aligned {
  return { text, starts: null, ends: null };
}

/** The part [start, end) of normalized text; `shift` is what its offsets leave out. */
export function slice(
  { text, starts, ends }: Aligned,
  start: number,
  end: number,
): { part: Aligned; shift: number } {
  if (start === 0 && end === text.length) return { part: { text, starts, ends }, shift: 0 };
  const part = text.slice(start, end);
  if (starts === null || ends === null) return { part: unchanged(part), shift: start };
  const aligned = { text: part, starts: starts.slice(start, end), ends: ends.slice(start, end) };
  return { part: aligned, shift: 0 };
}

/** Where [start, end) of normalized text lies in the text, offset 0 being at `at`. */
export function origin(
  { starts, ends }: Aligned,
  start: number,
  end: number,
  at: number,
): [number, number] {
  if (starts === null || ends === null) return [at + start, at + end];
  const from = starts[start] ?? ends.at(-1) ?? 0;
  return [at + from, at + (end > start ? (ends[end - 1] ?? from) : from)];
}

/** Puts `prefix` in front; it stands for nothing. */
export function prepend(aligned: Aligned, prefix: string): Aligned {
  const text = prefix + aligned.text;
  const [starts, ends] = [new Int32Array(text.length), new Int32Array(text.length)];
  if (aligned.starts === null || aligned.ends === null) {
    for (let i = prefix.length; i < text.length; i++) {
      starts[i] = i - prefix.length;
      ends[i] = i - prefix.length + 1;
    }
  } else {
    starts.set(aligned.starts, prefix.length);
    ends.set(aligned.ends, prefix.length);
  }
  return { text, starts, ends };
}

/** Replaces every occurrence of `from`; a replacement stands for what it replaced. */
export function replaceAll(aligned: Aligned, from: string, to: string): Aligned {
  if (from === '' || !aligned.text.includes(from)) return aligned;
  if (from.length === 1 && to.length === 1) {
    return { ...aligned, text: replaceUnit(aligned.text, from, to) };
  }
  const pieces: Piece[] = [];
  const all = units(aligned);
  for (let i = 0; i < all.length; ) {
    const found = aligned.text.startsWith(from, i);
    const length = found ? from.length : 1;
    const first = all[i] as Piece;
    const last = all[i + length - 1] as Piece;
    pieces.push({ text: found ? to : first.text, start: first.start, end: last.end });
    i += length;
  }
  return build(pieces);
}

/**
 * NFC. Characters compose only with what follows them closely: each cluster is normalized alone, so
 * are the characters between, and all together must be what the whole becomes.
 */
export function compose(aligned: Aligned): Aligned {
  const { text } = aligned;
  const whole = toNfc(text);
  if (whole === text) return aligned;
  if (aligned.starts !== null) {
    throw new AttuneError('tokenizer', 'NFC after another normalizer is not supported');
  }
  const [starts, ends] = [new Int32Array(whole.length), new Int32Array(whole.length)];
  const known = new Map<string, string>();
  let [from, to] = [0, 0];
  const lost = (): AttuneError =>
    new AttuneError('tokenizer', 'the offsets of this text cannot be recovered after NFC');
  /** `part` of the text is `composed` in the whole. */
  const put = (part: string, composed: string): void => {
    if (!whole.startsWith(composed, to)) throw lost();
    if (composed === part) {
      for (const end = from + part.length; from < end; from++, to++) {
        starts[to] = from;
        ends[to] = from + 1;
      }
    } else {
      starts.fill(from, to, to + composed.length);
      ends.fill(from + part.length, to, to + composed.length);
      from += part.length;
      to += composed.length;
    }
  };
  const putCluster = (part: string): void => {
    let composed = known.get(part);
    if (composed === undefined) {
      composed = toNfc(part);
      if (known.size < mostKnown) known.set(part, composed);
    }
    put(part, composed);
  };
  const putBetween = (part: string): void => {
    if (toNfc(part) === part) put(part, part);
    else for (const character of part) putCluster(character);
  };
  for (const match of text.matchAll(cluster)) {
    if (match.index > from) putBetween(text.slice(from, match.index));
    putCluster(match[0]);
  }
  if (from < text.length) putBetween(text.slice(from));
  if (to < whole.length) throw lost();
  return { text: whole, starts, ends };
}

/** One unit by another. What the engine does itself takes more time for each the more there are. */
export function replaceUnit(text: string, from: string, to: string): string {
  if (!text.includes(from)) return text;
  if (text.length < 1024) return text.replaceAll(from, () => to);
  const bytes = Buffer.from(text, 'utf16le');
  const codes = new Uint16Array(bytes.buffer, bytes.byteOffset, text.length);
  const [old, made] = [from.charCodeAt(0), to.charCodeAt(0)];
  for (let i = 0; i < codes.length; i++) if (codes[i] === old) codes[i] = made;
  return bytes.toString('utf16le');
}

/** Clusters that are remembered while a text is composed. */
const mostKnown = 4096;

/** NFC as the tables of the reference have it, to which younger marks are characters like others. */
function toNfc(text: string): string {
  const composed = normalizeNfc(text);
  if (composed === text) return text;
  known ??= new RegExp(
    `[${classBody(complement(union(decode(lateMarks), property('Cn') ?? [])))}]+`,
    'gu',
  );
  return text.replace(known, (part) => normalizeNfc(part));
}

/** Made when first needed. */
let known: RegExp | null = null;

function classBody(set: CharSet): string {
  const unit = (code: number): string => `\\u{${code.toString(16)}}`;
  let body = '';
  for (let i = 0; i < set.length; i += 2) {
    body += `${unit(set[i] ?? 0)}-${unit((set[i + 1] ?? 1) - 1)}`;
  }
  return body;
}

/** A character and what may compose with it: marks, and the vowels and finals of Hangul. */
const cluster = /[\s\S][\p{M}\u1160-\u11ff\ud7b0-\ud7ff\u0cc2\u0dcf\u{16121}-\u{16129}]+/gu;

interface Piece {
  text: string;
  start: number;
  end: number;
}

function units(aligned: Aligned): Piece[] {
  const { text, starts, ends } = aligned;
  return Array.from({ length: text.length }, (_, i) => ({
    text: text[i] ?? '',
    start: starts?.[i] ?? i,
    end: ends?.[i] ?? i + 1,
  }));
}

function build(pieces: readonly Piece[]): Aligned {
  const text = pieces.map((piece) => piece.text).join('');
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let at = 0;
  for (const piece of pieces) {
    starts.fill(piece.start, at, at + piece.text.length);
    ends.fill(piece.end, at, at + piece.text.length);
    at += piece.text.length;
  }
  return { text, starts, ends };
}
