import * as v from 'valibot';
import { table } from '../config/table.ts';
import { AttuneError } from '../errors.ts';
import { generate as run } from '../train/generate.ts';
import { printJson } from './report.ts';
import { interruptSignal } from './signals.ts';

const number = (least: number, most = Number.POSITIVE_INFINITY) =>
  v.pipe(
    v.string(),
    v.nonEmpty(),
    v.transform(Number),
    v.number(),
    v.minValue(least),
    v.maxValue(most),
  );
const integer = (least: number) => v.pipe(number(least), v.safeInteger());

const shape = {
  model: v.string(),
  adapter: v.optional(v.string()),
  prompt: v.string(),
  chat: v.optional(v.boolean(), false),
  maxNewTokens: integer(1),
  temperature: number(0),
  topK: integer(0),
  topP: number(1e-9, 1),
  seed: integer(0),
  dtype: v.optional(v.picklist(['bfloat16', 'float32'])),
  device: v.custom<string>(
    (name) => v.is(table.device.kind.check, name),
    `expected ${table.device.kind.expected}`,
  ),
  json: v.optional(v.boolean(), false),
};

/** `attune generate`: text as it is made, or one JSON object. */
export async function generate(given: unknown): Promise<void> {
  const parsed = v.safeParse(v.object(shape), given);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const flag = v.getDotPath(issue)?.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    throw new AttuneError('config', `--${flag}: ${issue.message}`);
  }
  const { json, adapter, dtype, chat, prompt, ...options } = parsed.output;
  const signal = interruptSignal('stopping');
  const found = await run({
    ...options,
    ...(chat ? { messages: [{ role: 'user', content: prompt }] } : { prompt }),
    adapter: adapter ?? null,
    dtype: dtype ?? null,
    signal,
    ...(json ? {} : { onText: (text: string) => process.stdout.write(text) }),
  });
  if (json) await printJson(found);
  else process.stdout.write('\n');
}
