import { RowError } from '../errors.ts';
import { alpacaPrompt, refuseMore } from './instructions.ts';
import { type Message, toMessages } from './message.ts';
import { RowProblem } from './problem.ts';
import { type Row, type Shape, shapeOf } from './shape.ts';
import { toTokens } from './tokens.ts';
import { checkExact, parseText } from './toolcalls.ts';

export type { Shape } from './shape.ts';

/** What a chat template is given besides the messages. */
export interface ChatExtras {
  tools: unknown[] | null;
  documents: unknown[] | null;
  /** chat_template_kwargs of the row. */
  variables: Record<string, unknown>;
}

/** A row of data as it is trained; `written` is how it was written, where that differs from `shape`. */
export type DataRecord = (
  | { shape: 'text'; text: string }
  | { shape: 'prompt and completion'; prompt: string; completion: string }
  | {
      shape: 'prompt and completion messages';
      prompt: Message[];
      completion: Message[];
      extras: ChatExtras;
    }
  | { shape: 'messages'; messages: Message[]; extras: ChatExtras }
  | TokensRecord
) & { written?: Shape };

/** A row tokenized elsewhere: labels [n] are taken as they are, or made from its masks. */
export interface TokensRecord {
  shape: 'input_ids';
  ids: Int32Array;
  /** null: every token, under the masks. */
  labels: Int32Array | null;
  completionMask: Uint8Array | null;
  assistantMask: Uint8Array | null;
}

/** Where a row stands. */
export interface Place {
  file: string;
  line: number;
}

/**
 * Tells the shape of a row and checks its fields. `textField` names the column of plain text.
 * Fields that are null count as absent. Throws RowError.
 */
export function toRecord(row: unknown, textField: string, place: Place): DataRecord {
  try {
    return read(row, textField);
  } catch (error) {
    if (error instanceof RowProblem) throw new RowError(place.file, place.line, error.message);
    throw error;
  }
}

/** How a record was written. */
export function writtenShape({ written, shape }: DataRecord): Shape {
  return written ?? shape;
}

/** Throws RowError where a record differs in shape from the first row of its file. */
export function checkShape(record: DataRecord, first: Shape, place: Place): void {
  const shape = writtenShape(record);
  if (shape === first) return;
  throw new RowError(
    place.file,
    place.line,
    `this row has ${shape}, rows of its file have ${first}: one file, one shape`,
  );
}

function read(value: unknown, textField: string): DataRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const remedy = typeof value === 'string' ? ': lines of plain text belong in a .txt file' : '';
    throw new RowProblem(`a row must be a JSON object${remedy}`);
  }
  const row = value as Row;
  const shape = shapeOf(row, textField);
  switch (shape) {
    case 'input_ids':
      return toTokens(row);
    case 'text':
      return { shape, text: string(row, textField) };
    case 'prompt and completion':
      return { shape, prompt: string(row, 'prompt'), completion: string(row, 'completion') };
    case 'prompt and completion messages': {
      const prompt = toMessages(row.prompt, 'prompt');
      return {
        shape,
        prompt,
        completion: toMessages(row.completion, 'completion'),
        extras: extras(row),
      };
    }
    case 'messages':
      return { shape, messages: toMessages(row.messages, 'messages'), extras: extras(row) };
    case 'conversations':
      return { ...conversations(row), written: shape };
    case 'instruction and output': {
      refuseMore(row);
      const input = row.input == null ? '' : string(row, 'input');
      const prompt = alpacaPrompt(string(row, 'instruction'), input);
      const completion = string(row, 'output');
      return { shape: 'prompt and completion', prompt, completion, written: shape };
    }
    case 'question and answer': {
      const [prompt, completion] = [string(row, 'question'), string(row, 'answer')];
      return { shape: 'prompt and completion', prompt, completion, written: shape };
    }
  }
}

/** ShareGPT: a system prompt may stand beside the turns, and tools as they are without a wrapper. */
function conversations(row: Row): DataRecord {
  const messages = toMessages(row.conversations, 'conversations');
  if (row.system != null && row.system !== '') {
    if (messages[0]?.role === 'system') {
      throw new RowProblem('"system" is given twice: beside the conversation and in it');
    }
    messages.unshift({ role: 'system', content: string(row, 'system') });
  }
  const given = extras(row);
  const tools = given.tools?.length ? given.tools.map(wrapTool) : null;
  return { shape: 'messages', messages, extras: { ...given, tools } };
}

function wrapTool(tool: unknown): unknown {
  const isBare =
    typeof tool === 'object' && tool !== null && 'name' in tool && !('function' in tool);
  return isBare ? { type: 'function', function: tool } : tool;
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
  checkExact(variables, 'chat_template_kwargs');
  return {
    tools: list(row, 'tools'),
    documents: list(row, 'documents'),
    variables: { ...variables },
  };
}

/** A list, or the JSON text of one, as Arrow-based tools write it. */
function list(row: Row, name: string): unknown[] | null {
  let value: unknown = row[name] ?? null;
  if (typeof value === 'string') value = value.trim() === '' ? null : parseText(value, name);
  if (value === null) return null;
  if (!Array.isArray(value)) throw new RowProblem(`"${name}" must be a list`);
  checkExact(value, name);
  return value;
}
