// The one file that imports piscina, for both sides.
import { Piscina } from 'piscina';
import { AttuneError } from '../errors.ts';
import { RowFault } from './fault.ts';
import type { Block, BlockAnswer, BlockTask, EncodeSetup } from './messages.ts';

/** Worker threads that encode blocks. */
export class EncodePool {
  private readonly pool: Piscina<BlockTask, BlockAnswer>;
  readonly threads: number;

  /** Starts the threads; each loads the tokenizer at once. */
  constructor(setup: EncodeSetup) {
    this.threads = Math.max(1, setup.options.workers);
    this.pool = new Piscina({
      ...workerFile(),
      workerData: setup,
      minThreads: this.threads,
      maxThreads: this.threads,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
    this.pool.on('error', () => {});
  }

  /** Encodes one block. Rejects with the worker's AttuneError, a RowFault where a row is bad. */
  async run(task: BlockTask): Promise<Block> {
    const answer = await this.pool.run(task);
    if (!('failure' in answer)) return answer;
    const { code, message, row } = answer.failure;
    throw row === null ? new AttuneError(code, message) : new RowFault(code, message, row);
  }

  /** Ends the threads; blocks under way are rejected. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }
}

/** Built, the worker is JavaScript; from source, a thread does not inherit tsx and registers it. */
function workerFile(): { filename: string; execArgv?: string[] } {
  const file = (extension: string): string =>
    new URL(`./encode.worker.${extension}`, import.meta.url).href;
  if (!import.meta.url.endsWith('.ts')) return { filename: file('js') };
  const register = `import{register}from"${import.meta.resolve('tsx/esm/api')}";register();`;
  const preload = `data:text/javascript,${encodeURIComponent(register)}`;
  return { filename: file('ts'), execArgv: [...process.execArgv, '--import', preload] };
}

/** Marks a worker's answer so that its arrays move to the main thread instead of being copied. */
export function moved(block: Block): BlockAnswer {
  const { ids, labels, pieces, rows } = block;
  const buffers = [ids.buffer, labels.buffer, pieces.buffer, rows.buffer];
  return Piscina.move({
    [Piscina.transferableSymbol]: buffers,
    [Piscina.valueSymbol]: block,
  } as never) as unknown as BlockAnswer;
}
