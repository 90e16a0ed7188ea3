/** One turn of a conversation. Keys other than these two go to the chat template as they are. */
export interface Message {
  role: string;
  content?: unknown;
  [key: string]: unknown;
}

/** Thrown without a place; the caller adds file and line. */
export class RowProblem extends Error {}

const roles: Record<string, string> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  system: 'system',
  tool: 'tool',
};

/**
 * The messages of field `name`: [{role, content}], or [{from, value}] with human, gpt and system
 * renamed to user, assistant and system. Throws RowProblem that names the field.
 */
export function toMessages(value: unknown, name: string): Message[] {
  if (!Array.isArray(value)) throw new RowProblem(`"${name}" must be a list of messages`);
  if (value.length === 0) throw new RowProblem(`"${name}" is an empty list`);
  return value.map((message, index) => toMessage(message, `${name}[${index}]`));
}

function toMessage(value: unknown, name: string): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RowProblem(`"${name}" must be an object with role and content`);
  }
  const message = value as Record<string, unknown>;
  const converted = 'role' in message ? message : fromValue(message, name);
  const { role, content } = converted;
  if (typeof role !== 'string' || role === '') {
    throw new RowProblem(`"${name}.role" must be a string`);
  }
  if (Array.isArray(content)) {
    for (const [i, part] of content.entries()) checkPart(part, `${name}.content[${i}]`);
  } else if (typeof content !== 'string') {
    checkNoContent(converted, name);
  }
  return converted as Message;
}

function fromValue(message: Record<string, unknown>, name: string): Record<string, unknown> {
  const { from, value, ...rest } = message;
  if (from === undefined) throw new RowProblem(`"${name}" has no role (or from)`);
  const role = typeof from === 'string' && Object.hasOwn(roles, from) ? roles[from] : undefined;
  if (role === undefined) {
    const known = Object.keys(roles).join(', ');
    throw new RowProblem(`"${name}.from" is ${JSON.stringify(from)}; known are ${known}`);
  }
  if (typeof value !== 'string') throw new RowProblem(`"${name}.value" must be a string`);
  return { role, content: value, ...rest };
}

function checkPart(part: unknown, name: string): void {
  const text = typeof part === 'object' && part !== null ? (part as { text?: unknown }).text : null;
  if (typeof text === 'string') return;
  throw new RowProblem(`"${name}" must be {"type":"text","text":"…"}: only text is trained on`);
}

/** A turn that only calls tools, or only thinks, may leave its content out. */
function checkNoContent(message: Record<string, unknown>, name: string): void {
  const { content, tool_calls: calls } = message;
  const absent = content === undefined || content === null;
  if (absent && (Array.isArray(calls) || typeof message.thinking === 'string')) return;
  throw new RowProblem(`"${name}.content" must be a string`);
}
