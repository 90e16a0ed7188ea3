/** Writes reviews.jsonl: film reviews of our own making, one `{"text"}` a line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const films = [
  'The Glass Harbour',
  'Nine Winters',
  'A Letter to Marta',
  'The Last Ferry',
  'Paper Moons',
  'Salt Road',
  'The Quiet Engine',
  'Orchard Street',
];
const openings = [
  'I went into {film} with no expectations and came out {mood}.',
  'My sister dragged me to {film} last night, and I am still {mood}.',
  'There are two kinds of people: those who love {film} and those who have not seen it. I am {mood}.',
  '{film} is a hard film to review, because it left me {mood} for reasons that are not on the screen.',
];
const parts = {
  plot: [
    'The story follows a family that loses its boat and, slowly, its patience.',
    'The plot turns on a single phone call that nobody answers for ninety minutes.',
    'Two strangers share a train and a secret, and neither survives the journey unchanged.',
    'It begins as a comedy, becomes a trial and ends as a lullaby.',
  ],
  good: [
    'The lead carries every scene with her eyes alone.',
    'The camera waits for people, and they reward it.',
    'The score is three notes on a piano, and they are the right three.',
    'Not one line of dialogue is wasted.',
    'The last ten minutes are as good as anything I have seen this year.',
  ],
  bad: [
    'The second act drags like a wet coat.',
    'Every joke is explained, and then explained again.',
    'The villain has a plan that a child could spoil.',
    'I counted four endings, and none of them was an ending.',
    'The dialogue sounds as if it had been written by a committee of lamps.',
  ],
  close: [
    'See it with somebody you like to argue with.',
    'I would see it again tomorrow.',
    'Wait until it is free, and then wait a little longer.',
    'It deserves a bigger screen than mine.',
    'Leave before the song.',
  ],
};

let state = 7;
const pick = <T>(items: readonly T[]): T => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return items[Math.floor((state / 2147483648) * items.length)]!;
};

function review(): string {
  const liked = pick([true, false]);
  const mood = liked ? pick(['glad', 'moved', 'delighted']) : pick(['annoyed', 'bored', 'puzzled']);
  const body = Array.from({ length: 3 + pick([0, 1, 2, 3]) }, () =>
    pick(liked ? parts.good : parts.bad),
  );
  const opening = pick(openings).replace('{film}', pick(films)).replace('{mood}', mood);
  return [
    opening,
    pick(parts.plot),
    ...new Set(body),
    pick(liked ? parts.bad : parts.good),
    pick(parts.close),
  ].join(' ');
}

const lines = Array.from({ length: 64 }, () => JSON.stringify({ text: review() }));
writeFileSync(join(import.meta.dirname, 'reviews.jsonl'), `${lines.join('\n')}\n`);
