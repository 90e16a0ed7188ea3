import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Watched {
  stdout: string;
  /** Wall time of the process. */
  seconds: number;
  /** Largest resident memory in bytes, as the kernel counted it. */
  peakMemory: number;
  /** Seconds from the start of the process to the first line of the file watched. */
  firstLine: number | null;
}

/** Runs a command to its end, and watches its memory and the first line of a file it writes. */
export async function watch(command: string[], file: string | null): Promise<Watched> {
  const [program, ...words] = command;
  const start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  let peakMemory = 0;
  let firstLine: number | null = null;
  const timer = setInterval(() => {
    peakMemory = Math.max(peakMemory, peakOf(child.pid!));
    if (file !== null && firstLine === null && hasLine(file)) firstLine = since();
  }, 10);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => clearInterval(timer));
  if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}\n${errors.join('')}`);
  return { stdout: output.join(''), seconds: since(), peakMemory, firstLine };
}

function peakOf(pid: number): number {
  const status = read(`/proc/${pid}/status`);
  const line = /^VmHWM:\s+(\d+) kB/m.exec(status);
  return line ? Number(line[1]) * 1024 : 0;
}

function hasLine(file: string): boolean {
  return read(file).includes('\n');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // not there yet, or gone
  }
}
