import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export interface Resources {
  /** MiB that are resident. */
  memory: number;
  /** MiB of this thread's objects and buffers. */
  held: number;
  threads: number;
  /** Open ones, by name. */
  files: string[];
}

/** What this process holds, garbage collected. */
export function resources(): Resources {
  collect();
  const status = readFileSync('/proc/self/status', 'utf8');
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
  const { heapUsed, external } = process.memoryUsage();
  return {
    memory: number('VmRSS') / 1024,
    held: (heapUsed + external) / 2 ** 20,
    threads: number('Threads'),
    files: openFiles(),
  };
}

/** What is open, by name; but Node keeps the file of a module that a thread was loading when it ended. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((file) => {
    try {
      const name = readlinkSync(`/proc/self/fd/${file}`);
      return /\.([cm]?js|json)$/.test(name) ? [] : [name];
    } catch {
      return []; // that of the listing itself
    }
  });
}

/** What is open later and was not before. */
export function opened(before: readonly string[], later: readonly string[]): string[] {
  const left = [...before];
  return later.filter((name) => {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** How far the second half of a series lies above the first, and how much that may be by chance. */
export function growth(series: readonly number[]): { rise: number; noise: number } {
  const half = Math.floor(series.length / 2);
  const [first, second] = [series.slice(0, half), series.slice(-half)];
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const spread = (values: readonly number[]) =>
    Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));
  return { rise: mean(second) - mean(first), noise: 2 * Math.max(spread(first), spread(second)) };
}
