import { join } from 'node:path';
import { readJsonIfPresent } from '../checkpoint/json.ts';
import type { Message } from '../data/message.ts';
import { AttuneError } from '../errors.ts';
import type { Engine } from '../native/addon.d.ts';
import { ChatTemplate } from '../template/chat.ts';
import { chatTemplateOf } from '../tokenizer/files.ts';
import { TokenStream } from '../tokenizer/stream.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type DType, type Model, openModel, startEngine } from './model.ts';
import { makeSampler, type SamplerOptions } from './sampler.ts';

export interface GenerateOptions extends Partial<SamplerOptions> {
  /** Model directory. */
  model: string;
  /** PEFT adapter directory. */
  adapter?: string | null;
  /** Plain text; empty: starts from the BOS token. */
  prompt?: string;
  /** A conversation, rendered with the tokenizer's chat template, that the assistant continues. */
  messages?: readonly Message[];
  maxNewTokens?: number;
  /** auto, cpu, cuda or cuda:N. */
  device?: string;
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
  const prompt = options.messages
    ? encodeMessages(tokenizer, options.messages, options.adapter ?? null)
    : encodePrompt(tokenizer, options.prompt ?? '');
  const length = prompt.length + maxNewTokens;
  const { engine, loaded } = startEngine(model, {
    method: 'none',
    device: options.device ?? 'auto',
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

/** Rendered with the template that the adapter was trained with, else the tokenizer's. */
function encodeMessages(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  adapter: string | null,
): Int32Array {
  const source = (adapter === null ? null : chatTemplateOf(adapter)) ?? tokenizer.chatTemplate;
  if (source === null) {
    throw new AttuneError(
      'template',
      'messages: the tokenizer has no chat template; give a prompt',
    );
  }
  const template = new ChatTemplate(source, tokenizer.special);
  const extras = { tools: null, documents: null, variables: {} };
  const { text, origins } = template.render(messages, extras, { addGenerationPrompt: true });
  const isPlain = (start: number, end: number): boolean => origins.touches(start, end);
  return tokenizer.encode(text, { addSpecialTokens: false, isPlain }).ids;
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
  const stream = new TokenStream(tokenizer, { skipSpecialTokens: true }, prompt);
  let text = '';
  const show = (piece: string) => {
    text += piece;
    if (piece) options.onText?.(piece);
  };
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
    show(stream.push(id));
    next = Int32Array.of(id);
  }
  show(stream.end());
  const seconds = (performance.now() - start) / 1000;
  return { text, promptIds: [...prompt], ids, finish, seconds };
}
