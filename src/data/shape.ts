import { RowProblem } from './problem.ts';

/** How a row is written: the columns that say what is trained. */
export type Shape =
  | 'input_ids'
  | 'prompt and completion'
  | 'prompt and completion messages'
  | 'messages'
  | 'conversations'
  | 'text'
  | 'instruction and output'
  | 'question and answer';

export type Row = Record<string, unknown>;

/**
 * The shape of a row by its columns; ones that are null count as absent. Where a row has the
 * columns of several shapes, the first of the list holds, as in TRL. Throws RowProblem where it has
 * those of none, or of something that is no row to fine-tune on.
 */
export function shapeOf(row: Row, textField: string): Shape {
  const has = (one: string, other = one): boolean =>
    Object.hasOwn(row, one) &&
    row[one] !== null &&
    (one === other || (Object.hasOwn(row, other) && row[other] !== null));
  if (has('input_ids')) return 'input_ids';
  if (has('prompt', 'completion')) {
    const lists = Array.isArray(row.prompt) || Array.isArray(row.completion);
    return lists ? 'prompt and completion messages' : 'prompt and completion';
  }
  if (has('messages')) return 'messages';
  if (has('conversations') && !has('chosen')) return 'conversations';
  if (has(textField) && !has('replies')) return 'text';
  if (has('instruction', 'output')) return 'instruction and output';
  if (has('question', 'answer')) return 'question and answer';
  throw new RowProblem(unknown(row, textField, has));
}

const example = (name: string, body: string): string =>
  `name a module with formatting_func that makes a row of it, as (${name}) => (${body})`;

function unknown(
  row: Row,
  textField: string,
  has: (one: string, other?: string) => boolean,
): string {
  if (has('chosen')) {
    const body = has('conversations')
      ? '{ conversations: [...row.conversations, row.chosen] }'
      : has('prompt')
        ? '{ prompt: row.prompt, completion: row.chosen }'
        : '{ text: row.chosen }';
    const remedy = example('row', body);
    return `a preference pair ("chosen"), and fine-tuning takes one answer: ${remedy}`;
  }
  if (has('replies') || has('message_tree_id')) {
    return `a tree of messages, and fine-tuning takes one conversation: ${example('row', '{ messages: … }')}`;
  }
  if (has('instruction', 'instances')) {
    const remedy = example('row', '{ instruction: row.instruction, ...row.instances[0] }');
    return `an instruction with a list of instances: ${remedy}`;
  }
  if (has('prompt')) return 'this row has "prompt" but no "completion"';
  if (has('completion')) return 'this row has "completion" but no "prompt"';
  const names = Object.keys(row).filter((name) => row[name] !== null);
  const found = names.length === 0 ? 'nothing' : names.slice(0, 8).join(', ');
  return (
    `a row needs "${textField}", "prompt" and "completion", "messages", "conversations", ` +
    `"instruction" and "output", "question" and "answer", or "input_ids"; this one has ${found}`
  );
}
