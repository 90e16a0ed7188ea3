import { dataError } from '../errors.ts';
import { type Message, RowProblem, toMessages } from './message.ts';
import { toTokens } from './tokens.ts';

/** What a chat template is given besides the messages. */
export interface ChatExtras {
  tools: unknown[] | null;
  documents: unknown[] | null;
  /** chat_template_kwargs of the row. */
  variables: Record<string, unknown>;
}

/** A row of data in one of the shapes that are understood. */
export type DataRecord =
  | { shape: 'text'; text: string }
  | { shape: 'prompt and completion'; prompt: string; completion: string }
  | {
      shape: 'prompt and completion messages';
      prompt: Message[];
      completion: Message[];
      extras: ChatExtras;
    }
  | { shape: 'messages'; messages: Message[]; extras: ChatExtras }
  | TokensRecord;

/** A row tokenized elsewhere: labels [n] are taken as they are, or made from its masks. */
export interface TokensRecord {
  shape: 'input_ids';
  ids: Int32Array;
  /** null: every token, under the masks. */
  labels: Int32Array | null;
  completionMask: Uint8Array | null;
  assistantMask: Uint8Array | null;
}

export type Shape = DataRecord['shape'];

/** Where a row stands. */
export interface Place {
  file: string;
  line: number;
}

/**
 * Tells the shape of a row and checks its fields. `textField` names the column of plain text.
 * Fields that are null count as absent. Throws `data` with FILE:LINE.
 */
export function toRecord(row: unknown, textField: string, place: Place): DataRecord {
  try {
    return detect(row, textField);
  } catch (error) {
    if (error instanceof RowProblem) throw dataError(place.file, place.line, error.message);
    throw error;
  }
}

/** Throws `data` where a record differs in shape from the first row of its file. */
export function checkShape(record: DataRecord, first: Shape, place: Place): void {
  if (record.shape === first) return;
  throw dataError(
    place.file,
    place.line,
    `this row has ${record.shape}, the first row of the file has ${first}: one file, one shape`,
  );
}

type Row = Record<string, unknown>;

function detect(value: unknown, textField: string): DataRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RowProblem('a row must be a JSON object');
  }
  const row = value as Row;
  const has = (name: string): boolean => Object.hasOwn(row, name) && row[name] !== null;
  if (has('input_ids')) return toTokens(row);
  if (has('prompt') && has('completion')) return promptCompletion(row);
  if (has('messages')) return messages(row, 'messages');
  if (has('conversations')) return messages(row, 'conversations');
  if (has(textField)) return { shape: 'text', text: string(row, textField) };
  throw new RowProblem(unknownShape(row, textField));
}

function unknownShape(row: Row, textField: string): string {
  const names = Object.keys(row).filter((name) => row[name] !== null);
  if (names.includes('prompt')) return 'this row has "prompt" but no "completion"';
  if (names.includes('completion')) return 'this row has "completion" but no "prompt"';
  const found = names.length === 0 ? 'nothing' : names.slice(0, 8).join(', ');
  return (
    `a row needs "${textField}", "prompt" and "completion", "messages", "conversations" or ` +
    `"input_ids"; this one has ${found}`
  );
}

function promptCompletion(row: Row): DataRecord {
  const { prompt, completion } = row;
  if (Array.isArray(prompt) || Array.isArray(completion)) {
    return {
      shape: 'prompt and completion messages',
      prompt: toMessages(prompt, 'prompt'),
      completion: toMessages(completion, 'completion'),
      extras: extras(row),
    };
  }
  return {
    shape: 'prompt and completion',
    prompt: string(row, 'prompt'),
    completion: string(row, 'completion'),
  };
}

function messages(row: Row, name: string): DataRecord {
  return { shape: 'messages', messages: toMessages(row[name], name), extras: extras(row) };
}

function string(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw new RowProblem(`"${name}" must be a string`);
  if (/\p{Surrogate}/u.test(value)) {
    throw new RowProblem(`"${name}" has half of a surrogate pair, which is no character`);
  }
  return value;
}

function extras(row: Row): ChatExtras {
  const { chat_template_kwargs: variables } = row;
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) {
    throw new RowProblem('"chat_template_kwargs" must be an object');
  }
  return {
    tools: list(row, 'tools'),
    documents: list(row, 'documents'),
    variables: { ...variables },
  };
}

/** A list, or the JSON text of one, as Arrow-based tools write it. */
function list(row: Row, name: string): unknown[] | null {
  let value = row[name] ?? null;
  if (typeof value === 'string') {
    if (value.trim() === '') return null;
    try {
      value = JSON.parse(value);
    } catch {
      throw new RowProblem(`"${name}" is a string that is not JSON`);
    }
  }
  if (value === null || Array.isArray(value)) return value as unknown[] | null;
  throw new RowProblem(`"${name}" must be a list`);
}
