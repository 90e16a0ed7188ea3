import type { Message } from '../data/message.ts';
import { RowProblem } from '../data/problem.ts';
import { type ChatExtras, type DataRecord, writtenShape } from '../data/record.ts';
import type { Row } from '../data/shape.ts';
import { type CurateOptions, type CurateReport, curate, keptRows, type Left } from './curate.ts';
import type { RowSet } from './rowset.ts';

/**
 * Writes rows as OpenAI's chat format, one `{"messages":[…]}` a line, `tools` beside them where
 * there are any. Keys of messages that the format does not have (thinking …) stay. Rejects with `data` for a row that is no conversation (plain text, tokens), with
 * `config`, or with `device` where a file cannot be written.
 */
export function convert(options: CurateOptions): Promise<CurateReport> {
  return curate('convert', options, { format: 'openai-chat' }, check, {
    writings: (rows, left) => {
      const line = (row: number) => JSON.stringify(chatOf(rows, row));
      return options.output ? [{ path: options.output, rows: keptRows(rows, left), line }] : [];
    },
  });
}

/** Converts every row once, so that nothing is written where one cannot be. */
async function check(
  rows: RowSet,
  work: { step(row: number): Promise<void> | undefined },
): Promise<Map<number, Left>> {
  for (let row = rows.first; row < rows.length; row++) {
    await work.step(row);
    chatOf(rows, row);
  }
  return new Map();
}

function chatOf(rows: RowSet, row: number): object {
  const value = rows.value(row);
  const record = rows.record(row, value);
  return rows.explain(row, () => toChat(record, value as Row));
}

/** A row as OpenAI's chat format. Throws RowProblem where it is no conversation. */
export function toChat(record: DataRecord, row: Row): object {
  switch (record.shape) {
    case 'prompt and completion': {
      const isAlpaca = writtenShape(record) === 'instruction and output';
      const user = isAlpaca ? alpacaQuestion(row) : record.prompt;
      return {
        messages: [
          { role: 'user', content: user },
          { role: 'assistant', content: record.completion },
        ],
      };
    }
    case 'prompt and completion messages': {
      // Only the completion is trained on.
      const prompt = record.prompt.map((message) =>
        message.role === 'assistant' ? { ...message, weight: 0 } : message,
      );
      return conversation([...prompt, ...record.completion], record.extras);
    }
    case 'messages':
      return conversation(record.messages, record.extras);
    default:
      throw new RowProblem(
        `a row of ${writtenShape(record)} is no conversation: it has no turns to write`,
      );
  }
}

/** What is asked without the prompt that Alpaca was published with: a chat template says as much. */
function alpacaQuestion({ instruction, input }: Row): string {
  return [instruction, input]
    .filter((part) => typeof part === 'string' && part !== '')
    .join('\n\n');
}

function conversation(messages: readonly Message[], extras: ChatExtras): object {
  const open: string[] = [];
  let calls = 0;
  const written = messages.map((message) => {
    const { role, content, tool_calls: given, tool_call_id: answered, ...rest } = message;
    for (const key of ['train', 'weight', 'loss_weight']) delete rest[key];
    const turn: Record<string, unknown> = { role: roleOf(role), content: content ?? null, ...rest };
    if (role === 'assistant' && Array.isArray(given) && given.length > 0) {
      turn.content = content || null;
      turn.tool_calls = given.map((call) => {
        const id = typeof call.id === 'string' ? call.id : `call_${calls}`;
        calls++;
        open.push(id);
        return toolCall(call, id);
      });
    }
    if (turn.role === 'tool') {
      const id = answered ?? open[0];
      if (id === undefined) {
        throw new RowProblem('the result of a tool that no turn before it called');
      }
      open.splice(open.indexOf(String(id)), 1);
      turn.tool_call_id = id;
    }
    const weight = weightOf(message);
    if (role === 'assistant' && weight !== null) turn.weight = weight;
    return turn;
  });
  return {
    messages: written,
    ...(extras.tools?.length ? { tools: extras.tools } : {}),
    ...(extras.documents?.length ? { documents: extras.documents } : {}),
    ...(Object.keys(extras.variables).length > 0 ? { chat_template_kwargs: extras.variables } : {}),
  };
}

function roleOf(role: string): string {
  return role === 'ipython' || role === 'observation' || role === 'function' ? 'tool' : role;
}

/** Arguments are JSON text in this format. */
function toolCall(call: Row, id: string): object {
  const { name, arguments: given } = (call.function ?? call) as Row;
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return { id, type: 'function', function: { name, arguments: text } };
}

/** Whether a turn is trained on, where it says so: 0 or 1. */
function weightOf({ train, weight, loss_weight: loss }: Message): number | null {
  const said = train ?? weight ?? loss;
  if (said === undefined || said === null) return null;
  if (said === true || said === 1) return 1;
  if (said === false || said === 0) return 0;
  throw new RowProblem(
    `a turn has the weight ${JSON.stringify(said)}: OpenAI's format has 0 and 1`,
  );
}
