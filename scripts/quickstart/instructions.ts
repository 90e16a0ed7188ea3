import { writeFileSync } from 'node:fs';
import { jsonl } from './corpus.js';
import { Rng } from './rng.js';
import { tasks, type Exercise } from './task.js';

type Message = { role: 'user' | 'assistant'; content: string };
export type Row = { messages: Message[] };

/** A tenth of all knowledge is kept for evaluation, so no fact is in both sets. */
function held(key: string): boolean {
  let hash = 2166136261;
  for (const letter of key) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619) >>> 0;
  return new Rng(hash).next() < 0.1;
}

export function instructions(count: number, evaluation: boolean, seed = 7): Row[] {
  const rng = new Rng(seed);
  const deck = tasks.flatMap(([task, share]) => Array.from({ length: share }, () => task));
  const prompts = new Set<string>();
  const next = (): Exercise => {
    for (;;) {
      const exercise = rng.pick(deck)(rng);
      if (held(exercise.key) !== evaluation || prompts.has(exercise.prompt)) continue;
      prompts.add(exercise.prompt);
      return exercise;
    }
  };
  return Array.from({ length: count }, () => {
    const turns = rng.chance(0.12) ? [next(), next()] : [next()];
    return {
      messages: turns.flatMap(({ prompt, completion }): Message[] => [
        { role: 'user', content: prompt },
        { role: 'assistant', content: completion },
      ]),
    };
  });
}

const [script, folder] = process.argv.slice(1);
if (script?.endsWith('instructions.ts') && folder) {
  writeFileSync(`${folder}/train.jsonl`, jsonl(instructions(1200, false)));
  writeFileSync(`${folder}/eval.jsonl`, jsonl(instructions(120, true)));
}
