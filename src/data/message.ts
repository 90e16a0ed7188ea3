import { RowProblem } from './problem.ts';
import { checkToolCalls, toToolCalls } from './toolcalls.ts';

/** One turn of a conversation. Keys other than these two go to the chat template as they are. */
export interface Message {
  role: string;
  content?: unknown;
  [key: string]: unknown;
}

/** Roles that chat templates know. */
const roles = [
  'system',
  'developer',
  'user',
  'assistant',
  'tool',
  'function',
  'ipython',
  'observation',
];

/** What ShareGPT calls them. */
const aliases: Record<string, string> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  system: 'system',
  tool: 'tool',
  observation: 'tool',
  function_response: 'tool',
};

/**
 * The messages of field `name`: [{role, content}], or ShareGPT's [{from, value}], whose speakers
 * become roles and whose function_call turns become tool calls of the assistant. Content that is a
 * list of text parts is joined. Throws RowProblem that names the field.
 */
export function toMessages(value: unknown, name: string): Message[] {
  if (!Array.isArray(value)) throw new RowProblem(`"${name}" must be a list of messages`);
  if (value.length === 0) throw new RowProblem(`"${name}" is an empty list`);
  return value.map((message, index) =>
    isPlain(message) ? { ...message } : toMessage(message, `${name}[${index}]`),
  );
}

/** Whether a message is a known role and text and nothing else, as nearly all are. */
function isPlain(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false;
  const { role, content } = value as Record<string, unknown>;
  if (typeof content !== 'string' || typeof role !== 'string' || !roles.includes(role)) {
    return false;
  }
  for (const key in value) if (key !== 'role' && key !== 'content') return false;
  return true;
}

function toMessage(value: unknown, name: string): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RowProblem(`"${name}" must be an object with role and content`);
  }
  const message = withoutNulls(value as Record<string, unknown>);
  if (!('role' in message)) return fromValue(message, name);
  const { role } = message;
  if (typeof role !== 'string') throw new RowProblem(`"${name}.role" must be a string`);
  if (!roles.includes(role)) throw unknownRole(role, `${name}.role`, roles);
  const calls = 'tool_calls' in message && checkToolCalls(message.tool_calls, `${name}.tool_calls`);
  if ('content' in message) {
    return { ...message, role, content: text(message.content, `${name}.content`) };
  }
  // A turn that only calls tools, or only thinks, may have no content.
  const mayLack = calls || typeof message.thinking === 'string';
  if (!mayLack) throw new RowProblem(`"${name}.content" must be a string`);
  return { ...message, role, ...('content' in value ? { content: null } : {}) };
}

/** Arrow writes every key that any message has; null stands for a key that is not there. */
function withoutNulls(message: Record<string, unknown>): Record<string, unknown> {
  if (!Object.values(message).includes(null)) return message;
  return Object.fromEntries(Object.entries(message).filter(([, field]) => field !== null));
}

function fromValue(message: Record<string, unknown>, name: string): Message {
  const { from, value, ...rest } = message;
  if (from === undefined) throw new RowProblem(`"${name}" has no role (or from)`);
  if (typeof from !== 'string') throw new RowProblem(`"${name}.from" must be a string`);
  if (typeof value !== 'string') throw new RowProblem(`"${name}.value" must be a string`);
  if (from === 'function_call') {
    const calls = toToolCalls(value, `${name}.value`);
    return { role: 'assistant', content: '', tool_calls: calls, ...rest };
  }
  const role = Object.hasOwn(aliases, from) ? aliases[from] : undefined;
  if (role === undefined) {
    throw unknownRole(from, `${name}.from`, [...Object.keys(aliases), 'function_call']);
  }
  return { role, content: value, ...rest };
}

function unknownRole(role: string, name: string, known: string[]): RowProblem {
  return new RowProblem(`"${name}" is ${JSON.stringify(role)}; known are ${known.join(', ')}`);
}

/** Text, or the joined text of parts {"type":"text","text":"…"}. */
function text(content: unknown, name: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new RowProblem(`"${name}" must be a string`);
  return content.map((part, i) => partText(part, `${name}[${i}]`)).join('');
}

function partText(part: unknown, name: string): string {
  const { type = 'text', text, value = text } = (part ?? {}) as Record<string, unknown>;
  if (type === 'text' && typeof value === 'string') return value;
  throw new RowProblem(`"${name}" must be {"type":"text","text":"…"}: only text is trained on`);
}
