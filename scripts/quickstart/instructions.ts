import { writeFileSync } from 'node:fs';
import { jsonl } from './corpus.ts';
import { Rng } from './rng.ts';
import { type Exercise, exercise } from './task.ts';

type Message = { role: 'user' | 'assistant'; content: string };
export type Row = { messages: Message[] };

export function instructions(count: number, evaluation: boolean, seed = 7): Row[] {
  const rng = new Rng(seed);
  const prompts = new Set<string>();
  const next = (): Exercise => {
    for (;;) {
      const drawn = exercise(rng, evaluation);
      if (prompts.has(drawn.prompt)) continue;
      prompts.add(drawn.prompt);
      return drawn;
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
