import { AttuneError } from '../errors.ts';
import { type Aligned, prepend, replaceAll } from './align.ts';
import { isObject, type JsonObject } from './files.ts';

/** One word for the model: the part of `aligned.text` from `start` to `end`. */
export interface Word {
  start: number;
  end: number;
}

/** Cuts a normalized section into words, in the way of SentencePiece. */
export interface WordSplitter {
  /** `first`: the section starts the text. */
  prepare(aligned: Aligned, first: boolean): Aligned;
  words(text: string): Word[];
}

/** The splitter of a pre_tokenizer that is not byte-level: none, or Metaspace. */
export function wordSplitter(preTokenizer: JsonObject | null): WordSplitter {
  if (preTokenizer === null) return { prepare: (aligned) => aligned, words: oneWord };
  if (preTokenizer.type === 'Metaspace') return metaspace(preTokenizer);
  const pattern = preTokenizer.pattern;
  const mark = isObject(pattern) ? pattern.String : undefined;
  if (preTokenizer.type === 'Split' && typeof mark === 'string') {
    return { prepare: (aligned) => aligned, words: (text) => wordWithout(text, mark) };
  }
  throw unsupported(`pre_tokenizer ${String(preTokenizer.type)}`);
}

function metaspace(part: JsonObject): WordSplitter {
  const mark = String(part.replacement ?? '▁');
  const legacy = part.add_prefix_space === false ? 'never' : 'always';
  const scheme = String(part.prepend_scheme ?? legacy);
  return {
    prepare(aligned, first) {
      const marked = replaceAll(aligned, ' ', mark);
      const wanted = scheme === 'always' || (scheme === 'first' && first);
      return wanted && !marked.text.startsWith(mark) ? prepend(marked, mark) : marked;
    },
    words: part.split === false ? oneWord : (text) => wordsFrom(text, mark),
  };
}

function oneWord(text: string): Word[] {
  return [{ start: 0, end: text.length }];
}

/** A new word starts at every mark. */
function wordsFrom(text: string, mark: string): Word[] {
  const words: Word[] = [];
  for (let start = 0; start < text.length; ) {
    const next = text.indexOf(mark, start + 1);
    const end = next < 0 ? text.length : next;
    words.push({ start, end });
    start = end;
  }
  return words;
}

/** Gemma's file splits at spaces that its normalizer has already replaced. */
function wordWithout(text: string, mark: string): Word[] {
  if (text.includes(mark)) throw unsupported(`Split at ${JSON.stringify(mark)}`);
  return oneWord(text);
}

function unsupported(what: string): AttuneError {
  return new AttuneError('tokenizer', `tokenizer.json: ${what} is not supported`);
}
