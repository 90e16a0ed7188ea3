import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireInside } from '../confined.ts';
import { AttuneError } from '../errors.ts';
import { readError } from '../read.ts';

/** The files of a tokenizer directory, parsed but not interpreted. */
export interface TokenizerFiles {
  directory: string;
  /** tokenizer.json, where there is one. */
  tokenizer: JsonObject | null;
  /** vocab.json and merges.txt, the older form. */
  vocabulary: JsonObject | null;
  merges: string | null;
  /** tokenizer_config.json over special_tokens_map.json; empty where neither exists. */
  config: JsonObject;
  /** added_tokens.json: token to id. */
  addedTokens: JsonObject;
  /** chat_template.jinja, else chat_template.json; the one in the config is read elsewhere. */
  chatTemplate: string | null;
}

export type JsonObject = Record<string, unknown>;

const copied = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'chat_template.json',
] as const;

/** Names of the tokenizer files present in `directory`: what belongs beside a result. */
export function tokenizerFiles(directory: string): string[] {
  return copied.filter((name) => existsSync(join(directory, name)));
}

/** Reads a tokenizer directory. Throws `tokenizer` where there is no tokenizer or a file is bad. */
export function readTokenizerFiles(directory: string): TokenizerFiles {
  const tokenizer = readJson(directory, 'tokenizer.json');
  const vocabulary = tokenizer === null ? readJson(directory, 'vocab.json') : null;
  const merges = tokenizer === null ? readText(directory, 'merges.txt') : null;
  if (tokenizer === null && (vocabulary === null || merges === null)) throw missing(directory);
  const special = readJson(directory, 'special_tokens_map.json') ?? {};
  return {
    directory,
    tokenizer,
    vocabulary,
    merges,
    config: { ...special, ...readJson(directory, 'tokenizer_config.json') },
    addedTokens: readJson(directory, 'added_tokens.json') ?? {},
    chatTemplate: readChatTemplate(directory),
  };
}

/** A directory that holds tokenizer.json alone, of its text. Throws `tokenizer`. */
export function parseTokenizer(directory: string, text: string): TokenizerFiles {
  const none = { vocabulary: null, merges: null, config: {}, addedTokens: {}, chatTemplate: null };
  return { directory, tokenizer: parseObject(join(directory, 'tokenizer.json'), text), ...none };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function missing(directory: string): AttuneError {
  const sentencePiece = existsSync(join(directory, 'tokenizer.model'))
    ? '; tokenizer.model alone is not read: save tokenizer.json with the fast tokenizer'
    : '';
  return new AttuneError(
    'tokenizer',
    `missing tokenizer: ${directory} has neither tokenizer.json nor vocab.json with merges.txt` +
      sentencePiece,
  );
}

/** The chat template of a directory of tokenizer files, or of an adapter beside which they lie. */
export function chatTemplateOf(directory: string): string | null {
  const config = readJson(directory, 'tokenizer_config.json');
  return readChatTemplate(directory) ?? (config && configTemplate(config));
}

/** The template in tokenizer_config.json: text, or the default one of several. */
export function configTemplate(config: JsonObject): string | null {
  const template = config.chat_template;
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return null;
  const chosen = template.find((entry) => entry?.name === 'default');
  return typeof chosen?.template === 'string' ? chosen.template : null;
}

function readChatTemplate(directory: string): string | null {
  const jinja = readText(directory, 'chat_template.jinja');
  if (jinja !== null) return jinja;
  const json = readJson(directory, 'chat_template.json');
  return typeof json?.chat_template === 'string' ? json.chat_template : null;
}

function readText(directory: string, name: string): string | null {
  const path = join(directory, name);
  requireInside(path, 'tokenizer');
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  } catch (cause) {
    throw readError({ name: path, code: 'tokenizer' }, cause);
  }
}

function readJson(directory: string, name: string): JsonObject | null {
  const text = readText(directory, name);
  return text === null ? null : parseObject(join(directory, name), text);
}

function parseObject(path: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AttuneError('tokenizer', `${path}: ${(error as Error).message}`);
  }
  if (!isObject(value)) {
    throw new AttuneError('tokenizer', `${path}: the top level is not an object`);
  }
  return value;
}
