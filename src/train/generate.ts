import { join } from 'node:path';
import { readJsonIfPresent } from '../checkpoint/json.ts';
import { AttuneError } from '../errors.ts';
import type { Engine } from '../native/addon.d.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type DType, type Model, openModel, startEngine } from './model.ts';
import { makeSampler, type SamplerOptions } from './sampler.ts';
import { TextStream } from './textstream.ts';

export interface GenerateOptions extends Partial<SamplerOptions> {
  /** Model directory. */
  model: string;
  /** PEFT adapter directory. */
  adapter?: string | null;
  /** Empty: starts from the BOS token. */
  prompt: string;
  maxNewTokens?: number;
  dtype?: DType | null;
  signal?: AbortSignal;
  /** Called with each piece of text as it is made. */
  onText?: (text: string) => void;
}

export interface Generation {
  /** What was generated, without the prompt. */
  text: string;
  /** Ids of the prompt, and those generated; an end token is among them. */
  promptIds: number[];
  ids: number[];
  finish: 'end' | 'length';
  seconds: number;
}

/** Continues a prompt. Throws `checkpoint`, `tokenizer`, `config` or `aborted`. */
export async function generate(options: GenerateOptions): Promise<Generation> {
  const maxNewTokens = options.maxNewTokens ?? 256;
  const model = await openModel(options.model, options.adapter ?? null);
  const { Tokenizer } = await import('../tokenizer/tokenizer.ts');
  const tokenizer = await Tokenizer.load(model.dir);
  const prompt = encodePrompt(tokenizer, options.prompt);
  const length = prompt.length + maxNewTokens;
  const { engine, loaded } = startEngine(model, {
    method: 'none',
    dtype: options.dtype ?? null,
    maxTokens: length,
    maxLength: length,
  });
  try {
    const stops = await stopIds(model, tokenizer);
    await loaded;
    return await decode(engine, tokenizer, prompt, stops, { ...options, maxNewTokens });
  } finally {
    engine.dispose();
  }
}

function encodePrompt(tokenizer: Tokenizer, prompt: string): Int32Array {
  const { ids } = tokenizer.encode(prompt, { addSpecialTokens: true });
  if (prompt !== '' && ids.length > 0) return ids;
  if (tokenizer.bosId !== null) return Int32Array.of(tokenizer.bosId);
  throw new AttuneError('tokenizer', 'prompt: it is empty, and the tokenizer has no BOS token');
}

/** The tokenizer's EOS token, and every `eos_token_id` of generation_config.json or config.json. */
async function stopIds(model: Model, tokenizer: Tokenizer): Promise<ReadonlySet<number>> {
  const generation = await readJsonIfPresent(join(model.dir, 'generation_config.json'));
  const listed = generation?.eos_token_id ?? model.checkpoint.config.eos_token_id ?? [];
  const ids = [tokenizer.eosId, ...(Array.isArray(listed) ? listed : [listed])];
  return new Set(ids.filter((id): id is number => typeof id === 'number'));
}

async function decode(
  engine: Engine,
  tokenizer: Tokenizer,
  prompt: Int32Array,
  stops: ReadonlySet<number>,
  options: GenerateOptions & { maxNewTokens: number },
): Promise<Generation> {
  const { temperature = 0, topK = 0, topP = 1, seed = 42 } = options;
  const sample = makeSampler({ temperature, topK, topP, seed });
  const stream = new TextStream(tokenizer, prompt);
  const ids: number[] = [];
  const start = performance.now();
  let finish: Generation['finish'] = 'length';
  for (let next = prompt, reset = true; ids.length < options.maxNewTokens; reset = false) {
    if (options.signal?.aborted) throw new AttuneError('aborted', 'generation was interrupted');
    const id = sample(await engine.decode(next, reset));
    ids.push(id);
    if (stops.has(id)) {
      finish = 'end';
      break;
    }
    const text = stream.push(id);
    if (text) options.onText?.(text);
    next = Int32Array.of(id);
  }
  const rest = stream.end();
  if (rest) options.onText?.(rest);
  const seconds = (performance.now() - start) / 1000;
  return { text: stream.text, promptIds: [...prompt], ids, finish, seconds };
}
