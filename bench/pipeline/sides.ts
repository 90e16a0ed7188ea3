// The two sides of the pipeline benchmark, each run in a process of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}" +
  "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>\\n' }}" +
  "{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}";
/** Rows whose ids and labels are compared. */
export const HASHED = 2000;

/** What attune found. */
export interface Read {
  /** Seconds from the start of the process. */
  marks: { loaded: number; opened: number; accounted: number; first: number; closed: number };
  /** Rows that an earlier run had left. */
  found: number;
  memory: number;
  /** Resident memory at each hundredth of an epoch. */
  samples: number[];
  accounting: { read: number; tokens: number; trainedTokens: number } | null;
  hash: string | null;
  /** Seconds of all threads. */
  cpu: number;
}

/** What datasets found. */
export interface Mapped {
  versions: Record<string, string>;
  seconds: { import: number; load: number; map: number };
  rows: number;
  tokens: number;
  trained: number;
  hash: string;
}

export class Sides {
  readonly template: string;
  private readonly tokenizer: string;
  private readonly cache: string;

  /** Writes GPT-2's tokenizer and the template to the folder `work`, and empties the caches there. */
  constructor(
    work: string,
    shared: string,
    private readonly python: string,
  ) {
    this.cache = join(work, 'pipeline-cache');
    this.tokenizer = join(work, 'gpt2');
    this.template = join(work, 'template.jinja');
    this.forget();
    mkdirSync(this.tokenizer, { recursive: true });
    const name = 'tokenizer.json';
    copyFileSync(join(shared, 'tokenizers/gpt2', name), join(this.tokenizer, name));
    const config = join(this.tokenizer, 'tokenizer_config.json');
    writeFileSync(config, '{"eos_token":"<|endoftext|>"}');
    writeFileSync(this.template, TEMPLATE);
  }

  /** Reads a data set as training does: to its first batch, its account, its end, or N rows. */
  read(file: string, until: 'first' | 'all' | 'end' | number, more: object): Read {
    const { tokenizer: tokenizerDir } = this;
    const options = { files: [file], tokenizerDir, chatTemplate: TEMPLATE, until, ...more };
    return this.node('read.mjs', options);
  }

  /** The same rows through datasets' map; `fresh`: without what it kept. */
  map(file: string, processes: number, fresh: boolean): Mapped {
    const directory = join(this.cache, 'datasets');
    if (fresh) rmSync(directory, { recursive: true, force: true });
    return this.json(this.python, [
      join(import.meta.dirname, '../peers/datasets_map.py'),
      ...['--data', file, '--tokenizer', this.tokenizer, '--template', this.template],
      ...['--processes', String(processes), '--cache', directory, '--hash-rows', String(HASHED)],
    ]);
  }

  /** A program of this folder, which prints JSON. */
  node<T>(name: string, options: object): T {
    return this.json(process.execPath, [join(import.meta.dirname, name), JSON.stringify(options)]);
  }

  /** Removes what either side kept. */
  forget(): void {
    rmSync(this.cache, { recursive: true, force: true });
  }

  private json<T>(program: string, words: string[]): T {
    const env = { ...process.env, ATTUNE_CACHE: join(this.cache, 'attune') };
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
    const output = execFileSync(program, words, { encoding: 'utf8', env, stdio });
    return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T;
  }
}
