import type { Message } from '../data/message.ts';
import { RowProblem } from '../data/problem.ts';
import { type DataRecord, writtenShape } from '../data/record.ts';
import type { Row } from '../data/shape.ts';

/** Stands between the parts of a row; no word has it. */
export const partBreak = '\x1e';

/**
 * What of a row is looked at: `all` of its text; its `prompt`, which of a conversation is what
 * others than the assistant say; its `completion`, what the assistant says; or a column by name,
 * with dots for columns inside (`instances.0.input`). `column:NAME` is a column in any case.
 */
export type By = string;

/** Whether `by` is a part that a row of any shape has; else it names a column. */
export function isPart(by: By): by is 'all' | 'prompt' | 'completion' {
  return by === 'all' || by === 'prompt' || by === 'completion';
}

/** The text of a column. Throws RowProblem where the row has none. */
export function columnText(row: unknown, by: By): string {
  const name = by.replace(/^column:/, '');
  let value = row;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
      const found = typeof row === 'object' && row !== null ? Object.keys(row).slice(0, 8) : [];
      throw new RowProblem(`no column "${name}"; this row has ${found.join(', ') || 'none'}`);
    }
    value = (value as Row)[key];
  }
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A row as a question and an answer. */
export interface Parts {
  prompt: string;
  completion: string;
}

/**
 * What is asked and what is answered; of Alpaca's rows without the prompt they were published
 * with. null: plain text and tokens, which have no parts.
 */
export function partsOf(record: DataRecord, row: Row): Parts | null {
  switch (record.shape) {
    case 'prompt and completion': {
      if (writtenShape(record) !== 'instruction and output') return record;
      const input = typeof row.input === 'string' ? row.input : '';
      const prompt = [String(row.instruction), input].filter((part) => part !== '').join(partBreak);
      return { prompt, completion: record.completion };
    }
    case 'prompt and completion messages':
      return {
        prompt: record.prompt.map(messageText).join(partBreak),
        completion: record.completion.map(messageText).join(partBreak),
      };
    case 'messages': {
      const said = (byAssistant: boolean): string =>
        record.messages
          .filter(({ role }) => (role === 'assistant') === byAssistant)
          .map(messageText)
          .join(partBreak);
      return { prompt: said(false), completion: said(true) };
    }
    default:
      return null;
  }
}

/** All text of a row, in its order. */
export function wholeText(record: DataRecord, row: Row): string {
  switch (record.shape) {
    case 'text':
      return record.text;
    case 'input_ids':
      return record.ids.join(' ');
    case 'messages':
      return record.messages.map(messageText).join(partBreak);
    default: {
      const parts = partsOf(record, row);
      return `${parts?.prompt}${partBreak}${parts?.completion}`;
    }
  }
}

/** What a turn says and calls. */
function messageText(message: Message): string {
  const parts = [message.content, message.tool_calls].filter((part) => part != null && part !== '');
  return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ');
}

/** The text of a row that `by` names. Throws RowProblem. */
export function rowText(record: DataRecord, row: Row, by: 'all' | 'prompt' | 'completion'): string {
  if (by === 'all') return wholeText(record, row);
  const parts = partsOf(record, row);
  if (parts !== null) return parts[by];
  throw new RowProblem(
    `a row of ${writtenShape(record)} has no ${by}: compare by all, or by a column`,
  );
}
