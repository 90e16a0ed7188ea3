import { parseJson } from './json.ts';
import { RowProblem } from './problem.ts';
import { JsonProblem } from './scan.ts';

/**
 * Checks the tool_calls of a message: [{type, function: {name, arguments}}], or [{name, arguments}];
 * arguments are an object, or the JSON text of one, and go to the template as they are. Returns
 * whether there are any. Throws RowProblem that names the field.
 */
export function checkToolCalls(calls: unknown, name: string): boolean {
  if (!Array.isArray(calls)) throw new RowProblem(`"${name}" must be a list`);
  for (const [i, call] of calls.entries()) {
    const place = `${name}[${i}]`;
    if (!isObject(call)) throw new RowProblem(`"${place}" must be an object`);
    const nested = 'function' in call;
    checkFunction(nested ? call.function : call, nested ? `${place}.function` : place);
  }
  return calls.length > 0;
}

function checkFunction(called: unknown, name: string): void {
  if (!isObject(called)) throw new RowProblem(`"${name}" must be an object`);
  if (typeof called.name !== 'string' || called.name === '') {
    throw new RowProblem(`"${name}.name" must be the name of a tool`);
  }
  const given = called.arguments;
  const value = typeof given === 'string' ? parseText(given, `${name}.arguments`) : given;
  if (!isObject(value)) {
    throw new RowProblem(`"${name}.arguments" must be an object, or the JSON text of one`);
  }
  checkExact(value, `${name}.arguments`);
}

/**
 * The calls that a function_call turn of ShareGPT spells: the JSON text of {name, arguments} or of
 * a list of them, as tool_calls with arguments that are objects.
 */
export function toToolCalls(text: string, name: string): object[] {
  const value = parseText(text, name);
  const calls = Array.isArray(value) ? value : [value];
  return calls.map((call: unknown, i) => {
    const place = Array.isArray(value) ? `${name}[${i}]` : name;
    checkFunction(call, place);
    const { name: tool, arguments: given } = call as { name: string; arguments: unknown };
    const parsed = typeof given === 'string' ? parseText(given, `${place}.arguments`) : given;
    return { type: 'function', function: { name: tool, arguments: parsed } };
  });
}

/** The value of a field that holds JSON text. */
export function parseText(text: string, name: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const reason = error.message.replace(/^not valid JSON: /, '');
    throw new RowProblem(`"${name}" is a string that is not JSON: ${reason}`);
  }
}

/**
 * Throws RowProblem for a number that a template would print otherwise than it was written:
 * integers beyond 2^53 are rounded where they are read.
 */
export function checkExact(value: unknown, name: string): void {
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    throw new RowProblem(`"${name}" is a number beyond 2^53, which is not exact: write it as text`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    checkExact(item, Array.isArray(value) ? `${name}[${key}]` : `${name}.${key}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
