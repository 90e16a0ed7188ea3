import { facts } from './fact.ts';
import { a, capital, expand, polish, series } from './phrase.ts';
import { Rng } from './rng.ts';
import {
  animals,
  causes,
  days,
  foods,
  jobs,
  months,
  opposites,
  people,
  places,
  tools,
  vehicles,
  word,
} from './world.ts';

/** One exercise. Two exercises about the same knowledge share their key. */
export type Exercise = { key: string; prompt: string; completion: string };
type Task = (rng: Rng) => Exercise;

/** A tenth of all knowledge is kept for evaluation: nobody asks for it anywhere else. */
export function held(key: string): boolean {
  let hash = 2166136261;
  for (const letter of key) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619) >>> 0;
  return new Rng(hash).next() < 0.1;
}

const ask: Task = (rng) => {
  const fact = rng.pick(facts);
  return {
    key: `fact ${fact.topic} ${fact.subject}`,
    prompt: rng.pick(fact.questions),
    completion: capital(fact.answer),
  };
};

const compare: Task = (rng) => {
  const [x, y] = rng.sample(animals, 2);
  if (!x || !y || Math.abs(x.size - y.size) < 2) return compare(rng);
  const [big, small] = x.size > y.size ? [x.name, y.name] : [y.name, x.name];
  const pair = `${a(x.name)} or ${a(y.name)}`;
  const bigger = rng.chance(0.6);
  return {
    key: `compare ${big} ${small}`,
    prompt: `Which animal is ${bigger ? 'bigger' : 'smaller'}, ${pair}?`,
    completion: capital(
      bigger ? `${a(big)} is bigger than ${a(small)}.` : `${a(small)} is smaller than ${a(big)}.`,
    ),
  };
};

const order: Task = (rng) => {
  const chosen = rng.sample(animals, 3);
  const sorted = [...chosen].sort((x, y) => x.size - y.size).map((x) => x.name);
  const names = chosen.map((x) => x.name).join(', ');
  if (new Set(chosen.map((x) => x.size)).size < 3) return order(rng);
  return {
    key: `order ${sorted.join(' ')}`,
    prompt: `Put these animals in order from small to big: ${names}.`,
    completion: `From small to big: ${sorted.join(', ')}.`,
  };
};

const opposite: Task = (rng) => {
  const [x = '', y = ''] = rng.shuffle(rng.pick(opposites));
  return {
    key: `opposite ${[x, y].sort().join(' ')}`,
    prompt: rng.pick([`Say the opposite of ${x}.`, `What is the opposite of ${x}?`]),
    completion: `The opposite of ${x} is ${y}.`,
  };
};

const count: Task = (rng) => {
  const low = rng.int(0, 14);
  const high = Math.min(20, low + rng.int(2, 7));
  const names = Array.from({ length: high - low + 1 }, (_, i) => word(low + i));
  const back = rng.chance(0.3);
  const said = back ? [...names].reverse() : names;
  return {
    key: `count ${low} ${high}`,
    prompt: back
      ? `Count back from ${word(high)} to ${word(low)}.`
      : `Count from ${word(low)} to ${word(high)}.`,
    completion: `${capital(said.join(', '))}.`,
  };
};

const sum: Task = (rng) => {
  const [x, y] = [rng.int(0, 10), rng.int(0, 10)];
  const total = x + y;
  const [asked, result] = rng.chance(0.65)
    ? [`${word(x)} plus ${word(y)}`, word(total)]
    : [`${word(total)} minus ${word(y)}`, word(x)];
  return {
    key: `sum ${Math.min(x, y)} ${Math.max(x, y)}`,
    prompt: `What is ${asked}?`,
    completion: `${capital(asked)} is ${result}.`,
  };
};

const calendar: Task = (rng) => {
  const list = rng.chance(0.4) ? days : months.map((x) => x.name);
  const i = rng.int(0, list.length - 1);
  const [x = '', y = ''] = [list[i], list[(i + 1) % list.length]];
  const after = rng.chance(0.6);
  const kind = list === days ? 'day' : 'month';
  return {
    key: `calendar ${x} ${after ? 'after' : 'before'}`,
    prompt: after ? `Which ${kind} comes after ${x}?` : `Which ${kind} comes before ${y}?`,
    completion: after ? `${y} comes after ${x}.` : `${x} comes before ${y}.`,
  };
};

const kinds: [string, string][] = [
  ...animals.map((x): [string, string] => [x.name, 'animal']),
  ...foods.map((x): [string, string] => [x.name, x.kind]),
  ...tools
    .filter((x) => !/soap|scissors/.test(x.name))
    .map((x): [string, string] => [x.name, 'tool']),
  ...vehicles.map((x): [string, string] => [x.name, 'vehicle']),
];

const kind: Task = (rng) => {
  const [name, real] = rng.pick(kinds);
  const asked = rng.chance(0.5)
    ? real
    : rng.pick(['animal', 'fruit', 'vegetable', 'tool', 'vehicle']);
  return {
    key: `kind ${name}`,
    prompt: `Is ${a(name)} ${a(asked)}?`,
    completion:
      asked === real
        ? `Yes, ${a(name)} is ${a(real)}.`
        : `No, ${a(name)} is not ${a(asked)}. It is ${a(real)}.`,
  };
};

const oddOne: Task = (rng) => {
  const most = rng.pick(['animal', 'fruit', 'vegetable', 'tool', 'vehicle']);
  const same = rng.sample(
    kinds.filter((x) => x[1] === most),
    2,
  );
  const [name, real] = rng.pick(kinds.filter((x) => x[1] !== most));
  const names = rng.shuffle([...same.map((x) => x[0]), name]);
  return {
    key: `odd ${[...names].sort().join(' ')}`,
    prompt: `Which one is not ${a(most)}: ${names.join(', ')}?`,
    completion: `${capital(a(name))} is not ${a(most)}. It is ${a(real)}.`,
  };
};

const sentence: Task = (rng) => {
  const who = rng.pick(people).name;
  const animal = rng.pick(animals).name;
  const place = rng.pick(places);
  const food = rng.pick(foods).name;
  const tool = rng.pick(tools.filter((x) => !/soap|scissors/.test(x.name))).name;
  const [x, y, text] = rng.pick<[string, string, string]>([
    [animal, place.name, `The ${animal} is ${place.at} the ${place.name}.`],
    [who, food, `${who} eats ${a(food)}.`],
    [who, tool, `${who} needs ${a(tool)}.`],
    [who, animal, `${who} sees ${a(animal)}.`],
    [who, place.name, `${who} goes to the ${place.name}.`],
  ]);
  return {
    key: `sentence ${x} ${y}`,
    prompt: `Write a sentence with the words ${x} and ${y}.`,
    completion: text,
  };
};

const describe: Task = (rng) => {
  const { name, colour, home, food } = rng.pick(animals);
  return {
    key: `describe ${name}`,
    prompt: rng.pick([`Tell me about the ${name}.`, `Describe the ${name}.`]),
    completion: polish(
      `The ${name} is an animal. It is ${colour}. It lives ${home}. It eats ${food}.`,
    ),
  };
};

const effect: Task = (rng) => {
  const { cause, effect: then } = rng.pick(causes);
  return {
    key: `effect ${cause}`,
    prompt: `What happens when ${cause}?`,
    completion: `When ${cause}, ${then}.`,
  };
};

const repeat: Task = (rng) => {
  const items = [...animals, ...foods, ...tools, ...jobs, ...places, ...vehicles];
  const { name } = rng.pick(items);
  const times = rng.int(2, 4);
  return {
    key: `repeat ${name}`,
    prompt: `Say the word ${name} ${word(times)} times.`,
    completion: `${capital(Array.from({ length: times }, () => name).join(', '))}.`,
  };
};

const join: Task = (rng) => {
  const names = rng.sample([...animals, ...foods, ...tools], rng.int(2, 3)).map((x) => x.name);
  return {
    key: `join ${names.join(' ')}`,
    prompt: `Make a list of these words: ${names.join(', ')}.`,
    completion: expand(rng, 'The list is [list].', { list: series(names) }),
  };
};

const shares: [Task, number][] = [
  [ask, 34],
  [compare, 18],
  [sum, 8],
  [opposite, 7],
  [kind, 7],
  [count, 5],
  [oddOne, 4],
  [sentence, 4],
  [describe, 3],
  [order, 3],
  [effect, 2],
  [calendar, 2],
  [repeat, 2],
  [join, 1],
];

const deck = shares.flatMap(([task, share]) => Array.from({ length: share }, () => task));

/** An exercise of any kind, about knowledge that is kept for evaluation or is not. */
export function exercise(rng: Rng, evaluation: boolean): Exercise {
  for (;;) {
    const drawn = rng.pick(deck)(rng);
    if (held(drawn.key) === evaluation) return drawn;
  }
}
