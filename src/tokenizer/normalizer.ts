import { AttuneError } from '../errors.ts';
import { type Aligned, compose, prepend, replaceAll, unchanged } from './align.ts';
import { isObject, type JsonObject } from './files.ts';

/** Turns a section of text into what the model is given, keeping track of where it came from. */
export type Normalizer = (text: string) => Aligned;

type Step = (aligned: Aligned) => Aligned;

/** Compiles `normalizer` of tokenizer.json. Throws `tokenizer` for a kind that is not supported. */
export function makeNormalizer(normalizer: JsonObject | null): Normalizer {
  const steps = compile(normalizer);
  return (text) => steps.reduce((aligned, step) => step(aligned), unchanged(text));
}

function compile(normalizer: unknown): Step[] {
  if (!isObject(normalizer)) return [];
  switch (normalizer.type) {
    case 'Sequence':
      return Array.isArray(normalizer.normalizers) ? normalizer.normalizers.flatMap(compile) : [];
    case 'NFC':
      return [compose];
    case 'Prepend': {
      const prefix = String(normalizer.prepend);
      return [(aligned) => (aligned.text === '' ? aligned : prepend(aligned, prefix))];
    }
    case 'Replace': {
      const from = isObject(normalizer.pattern) ? normalizer.pattern.String : undefined;
      if (typeof from !== 'string') break;
      return [(aligned) => replaceAll(aligned, from, String(normalizer.content))];
    }
  }
  throw new AttuneError(
    'tokenizer',
    `tokenizer.json: normalizer ${JSON.stringify(normalizer).slice(0, 80)} is not supported`,
  );
}
