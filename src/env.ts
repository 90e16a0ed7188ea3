import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What is read from the environment; ATTUNE_ISA is read by native code. */
export const env = {
  /** Directory for what can be made again: ATTUNE_CACHE, else attune in the user's cache. */
  get cacheDir(): string {
    const { ATTUNE_CACHE, XDG_CACHE_HOME } = process.env;
    return ATTUNE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'attune');
  },
  /** Bytes of encoded rows that are kept there: ATTUNE_CACHE_LIMIT in GiB, else 20 GiB. */
  get cacheLimit(): number {
    const given = Number(process.env.ATTUNE_CACHE_LIMIT || 20);
    return (Number.isFinite(given) ? given : 20) * 2 ** 30;
  },
  /** The hub: HF_ENDPOINT, HF_HUB_CACHE (else hub in HF_HOME), HF_TOKEN (else the file that `hf auth login` writes), HF_HUB_OFFLINE. */
  get hub(): { endpoint: string; cache: string; token: string | null; offline: boolean } {
    const { HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, XDG_CACHE_HOME } =
      process.env;
    const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
    const path = HF_TOKEN_PATH || join(home, 'token');
    const saved = (): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');
    return {
      endpoint: (HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
      cache: HF_HUB_CACHE || join(home, 'hub'),
      token: HF_TOKEN || saved() || null,
      offline: /^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? ''),
    };
  },
  /** Path of an addon to load instead of the one that was built. */
  get addon(): string | undefined {
    return process.env.ATTUNE_ADDON || undefined;
  },
  /** `js` keeps tokenizing in JavaScript; `native` makes it an error where the addon is not there. */
  get tokenizer(): string | undefined {
    return process.env.ATTUNE_TOKENIZER || undefined;
  },
  /** Set: errors on the command line are printed with their stack. */
  get debug(): boolean {
    return Boolean(process.env.ATTUNE_DEBUG);
  },
  /**
   * Kernel threads that wait spin for some fifty microseconds, as long as most waits last, and then
   * sleep: the data workers, and other programs, need the cores. (Spinning without end made steps
   * two to three times slower beside other work; sleeping at once costs four per cent alone.)
   * Must be called before the addon is loaded; settings of the user's are kept.
   */
  restWhileWaiting(): void {
    if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '5000';
  },
};
