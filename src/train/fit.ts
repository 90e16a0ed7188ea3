import { AttuneError } from '../errors.ts';
import type { Engine } from '../native/addon.d.ts';
import { type EngineRequest, type Model, planMemory, startEngine } from './model.ts';

/** Shortest documents that are worth a proposal. */
const SHORTEST = 16;

/** An engine that is being loaded, and the most tokens that it takes at a time. */
export interface Fitted {
  engine: Engine;
  loaded: Promise<void>;
  capacity: number;
}

/**
 * An engine within the memory of its device. Micro-batches go through it in parts, so that where
 * memory is short the parts are made smaller, which `tell` hears of: losses and gradients are sums.
 * Throws `out_of_memory`, before anything is trained, with what would fit.
 */
export function fitEngine(
  model: Model,
  request: EngineRequest,
  others: readonly Alternative[],
  tell: (message: string) => void,
): Fitted {
  const { maxLength, maxTokens } = request;
  for (let capacity = maxTokens; ; capacity = Math.max(maxLength, Math.ceil(capacity / 2))) {
    try {
      const fitted = { ...startEngine(model, { ...request, maxTokens: capacity }), capacity };
      if (capacity < maxTokens) {
        tell(
          `memory is short: micro-batches go in parts of at most ${capacity} tokens, with the same sums`,
        );
      }
      return fitted;
    } catch (error) {
      if (!isShort(error)) throw error;
      if (capacity <= maxLength) throw withRemedy(error, model, request, others);
    }
  }
}

/** Another way to train, as a person would ask for it. */
export interface Alternative {
  text: string;
  request: EngineRequest;
}

function withRemedy(
  error: AttuneError,
  model: Model,
  request: EngineRequest,
  others: readonly Alternative[],
): AttuneError {
  const remedies = others
    .filter((other) => fits(model, { ...other.request, maxTokens: other.request.maxLength }))
    .map(({ text }) => text);
  const length = longestThatFits(model, request);
  if (length !== null) remedies.push(`max_length ${length}`);
  const [fact] = error.message.split(';');
  const text =
    remedies.length > 0
      ? `what would fit: ${remedies.join(', or ')}`
      : 'a smaller model, or a device with more memory, is needed';
  return new AttuneError('out_of_memory', `${fact}; ${text}`, { cause: error });
}

/** The largest max_length below the one asked for that fits, a multiple of 16; null for none. */
function longestThatFits(model: Model, request: EngineRequest): number | null {
  const at = (n: number) => ({ ...request, maxLength: n * SHORTEST, maxTokens: n * SHORTEST });
  let [good, bad] = [0, Math.ceil(request.maxLength / SHORTEST)];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(model, at(middle))) good = middle;
    else bad = middle;
  }
  return good > 0 ? good * SHORTEST : null;
}

function fits(model: Model, request: EngineRequest): boolean {
  try {
    planMemory(model, request);
    return true;
  } catch (error) {
    if (isShort(error)) return false;
    throw error;
  }
}

function isShort(error: unknown): error is AttuneError {
  return error instanceof AttuneError && error.code === 'out_of_memory';
}
