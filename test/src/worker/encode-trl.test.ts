/** Tokens and trained tokens of real rows, as TRL prepares them (scripts/golden/trained_tokens.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Shape } from '../../../src/data/record.ts';
import { presetTemplate } from '../../../src/template/presets.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { RowEncoder } from '../../../src/worker/encode.ts';
import { shared, sharedTest } from '../tokenizer/shared.ts';
import { directory } from '../tokenizer/tiny.ts';
import { options } from './options.ts';

interface Run {
  tokenizer: string;
  template: string;
  data: string;
  rows: number;
  tokens: number;
  trained: number;
  sha256: string;
}

const { added, runs } = JSON.parse(
  readFileSync(new URL('../../golden/trained_tokens.json', import.meta.url), 'utf8'),
) as { added: string[]; runs: Run[] };

const shapes: Shape[] = ['messages', 'conversations', 'prompt and completion'];

type Json = Record<string, unknown>;

const readJson = (...path: string[]): Json[] => JSON.parse(readFileSync(shared(...path), 'utf8'));

/** Conversations of people and the model alone. */
function spoken(rows: Json[]): Json[] {
  const known = ['human', 'gpt', 'system'];
  return rows.filter(({ conversations }) => {
    const speakers = (conversations as { from: string }[]).map(({ from }) => from);
    return speakers.includes('gpt') && speakers.every((speaker) => known.includes(speaker));
  });
}

function asked(rows: Json[]): Json[] {
  return rows.map(({ instruction, input, output }) => ({
    messages: [
      { role: 'user', content: input === '' ? instruction : `${instruction}\n${input}` },
      { role: 'assistant', content: output },
    ],
  }));
}

const sources: Record<string, () => Json[]> = {
  conversations: () => spoken(readJson('data', 'chat', 'dummy_conversation.json')),
  tools: () =>
    spoken(readJson('data', 'toolcall', 'glaive_toolcall_en_demo.json')).map(
      // Python's script gives no tools either.
      ({ conversations }) => ({ conversations }),
    ),
  instructions: () => asked(readJson('data', 'instruct', 'instruction-data.json')),
  'alpaca-zh': () => asked(readJson('data', 'alpaca-en', 'alpaca_zh_demo.json')),
  problems: () =>
    readFileSync(shared('data', 'gsm8k', 'test.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ question, answer }) => ({ prompt: `${question}\n`, completion: answer })),
};

const loaded = new Map<string, Promise<Tokenizer>>();

function load(name: string): Promise<Tokenizer> {
  const known = loaded.get(name);
  if (known) return known;
  const loading = Tokenizer.load(
    directory({
      'tokenizer.json': readFileSync(shared('tokenizers', name, 'tokenizer.json'), 'utf8'),
      'tokenizer_config.json': {
        eos_token: '<|im_end|>',
        pad_token: '<|im_end|>',
        additional_special_tokens: added,
      },
    }),
  );
  loaded.set(name, loading);
  return loading;
}

const needed = [shared('data', 'chat'), shared('tokenizers', 'qwen2', 'tokenizer.json')];

for (const run of runs) {
  sharedTest(`${run.data} by ${run.template} and ${run.tokenizer}`, needed, async () => {
    const chatTemplate = presetTemplate(run.template);
    const encoder = new RowEncoder(
      await load(run.tokenizer),
      options({ chatTemplate, vocabularySize: 1 << 20 }),
    );
    const rows = (sources[run.data] as () => Json[])();
    const hash = createHash('sha256');
    let [tokens, trained] = [0, 0];
    rows.forEach((row, i) => {
      const first = shapes.find((shape) => (shape.split(' ')[0] as string) in row) as Shape;
      const place = { file: run.data, line: i + 1 };
      const { ids, labels } = encoder.encode(row, first, place);
      hash.update(new Uint8Array(Int32Array.from(ids).buffer));
      hash.update(new Uint8Array(Int32Array.from(labels).buffer));
      tokens += ids.length;
      for (const label of labels) if (label !== -100) trained++;
    });
    assert.equal(
      { rows: rows.length, tokens, trained },
      { rows: run.rows, tokens: run.tokens, trained: run.trained },
    );
    assert.is(hash.digest('hex').slice(0, 16), run.sha256);
  });
}

test.run();
