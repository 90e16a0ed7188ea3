import { isObject, type JsonObject } from './files.ts';

/** What each decoder's fields must be. */
const fields: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  ByteLevel: {},
  ByteFallback: {},
  Fuse: {},
  Metaspace: { replacement: isText },
  Replace: { pattern: (value) => isObject(value) && isText(value.String), content: isText },
  Strip: { content: isCharacter, start: isSmall, stop: isSmall },
  WordPiece: { prefix: isText },
  BPEDecoder: { suffix: isText },
  CTC: { pad_token: isText, word_delimiter_token: isText },
};

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isCharacter(value: unknown): boolean {
  return typeof value === 'string' && [...value].length === 1;
}

function isSmall(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 1024;
}

/**
 * Checks the decoder of a tokenizer.json, which the library runs without looking at it. A pattern
 * that is an expression is refused: it could read a text for ever. Throws an Error that names the field.
 */
export function checkDecoder(decoder: unknown, place = 'decoder'): void {
  if (!isObject(decoder)) throw new Error(`${place} is not an object`);
  const { type } = decoder as JsonObject;
  if (type === 'Sequence') {
    if (!Array.isArray(decoder.decoders)) throw new Error(`${place}.decoders is not a list`);
    decoder.decoders.forEach((each, i) => {
      checkDecoder(each, `${place}.decoders[${i}]`);
    });
    return;
  }
  if (typeof type !== 'string' || !Object.hasOwn(fields, type)) {
    throw new Error(`${place}.type ${JSON.stringify(type)} is not supported`);
  }
  for (const [name, holds] of Object.entries(fields[type]!)) {
    if (holds(decoder[name])) continue;
    throw new Error(`${place}.${name}: ${JSON.stringify(decoder[name])} is not supported`);
  }
}
