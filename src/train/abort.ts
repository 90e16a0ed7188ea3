import { AttuneError } from '../errors.ts';

/** What a call rejects with that an abort overtook before the first step. */
export function stoppedBefore(): AttuneError {
  return new AttuneError('aborted', 'training was stopped before step 1');
}

/** A promise that an abort overtakes; what it waits for goes on unheard. */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => {});
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(stoppedBefore());
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Items until the signal aborts, also while one is waited for. */
export async function* untilAborted<T>(
  source: AsyncGenerator<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, void> {
  try {
    while (!signal?.aborted) {
      const item = await orAborted(source.next(), signal).catch((error: unknown) => {
        if (signal?.aborted) return null;
        throw error;
      });
      if (item === null || item.done) return;
      yield item.value;
    }
  } finally {
    // What the source waits for may never come: nobody waits for its end.
    source.return(undefined).catch(() => {});
  }
}
