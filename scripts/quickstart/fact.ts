import { a } from './phrase.ts';
import {
  type Animal,
  animals,
  coloured,
  foods,
  furniture,
  garments,
  jobs,
  months,
  parts,
  tools,
  vehicles,
} from './world.ts';

/** One true thing about the world: how people ask for it and the plain sentence that says it. */
export type Fact = { topic: string; subject: string; questions: string[]; answer: string };

const verbs: Record<string, string> = {
  walks: 'walk',
  runs: 'run',
  flies: 'fly',
  swims: 'swim',
  crawls: 'crawl',
  jumps: 'jump',
  climbs: 'climb',
};

export const legWords: Record<number, string> = {
  0: 'no',
  2: 'two',
  4: 'four',
  6: 'six',
  8: 'eight',
};

export function bare(verb: string): string {
  return verbs[verb] ?? verb;
}

function animalFacts(animal: Animal): Fact[] {
  const { name } = animal;
  const one = a(name);
  const facts: Fact[] = [
    {
      topic: 'home',
      subject: name,
      questions: [`Where does ${one} live?`, `Where can you find ${one}?`],
      answer: `${one} lives ${animal.home}.`,
    },
    {
      topic: 'food',
      subject: name,
      questions: [`What does ${one} eat?`, `What food does ${one} like?`],
      answer: `${one} eats ${animal.food}.`,
    },
    {
      topic: 'colour',
      subject: name,
      questions: [`What colour is ${one}?`, `Which colour does ${one} have?`],
      answer: `${one} is ${animal.colour}.`,
    },
    {
      topic: 'legs',
      subject: name,
      questions: [`How many legs does ${one} have?`],
      answer: `${one} has ${legWords[animal.legs]} legs.`,
    },
    {
      topic: 'moves',
      subject: name,
      questions: [`How does ${one} move?`],
      answer: `${one} ${animal.moves}.`,
    },
    {
      topic: 'feature',
      subject: name,
      questions: [`What is special about ${one}?`],
      answer: `${one} has ${animal.feature}.`,
    },
  ];
  if (animal.sound) {
    facts.push({
      topic: 'sound',
      subject: name,
      questions: [`What sound does ${one} make?`, `Which sound do you hear from ${one}?`],
      answer: `${one} says ${animal.sound}.`,
    });
  }
  return facts;
}

export const facts: Fact[] = [
  ...animals.flatMap(animalFacts),
  ...foods.flatMap((food): Fact[] => [
    {
      topic: 'colour',
      subject: food.name,
      questions: [`What colour is ${a(food.name)}?`, `Which colour does ${a(food.name)} have?`],
      answer: `${a(food.name)} is ${food.colour}.`,
    },
    {
      topic: 'taste',
      subject: food.name,
      questions: [`How does ${a(food.name)} taste?`],
      answer: `${a(food.name)} tastes ${food.taste}.`,
    },
    {
      topic: 'origin',
      subject: food.name,
      questions: [`Where does ${a(food.name)} grow?`],
      answer: `${a(food.name)} grows ${food.origin}.`,
    },
  ]),
  ...coloured.map(({ name, colour }): Fact => {
    const questions = [`What colour is ${name}?`, `Which colour does ${name} have?`];
    return { topic: 'colour', subject: name, questions, answer: `${name} is ${colour}.` };
  }),
  ...tools.map(({ name, use }): Fact => {
    const thing = name === 'soap' || name === 'scissors' ? name : a(name);
    const questions = [`What do you do with ${thing}?`, `What is the use of ${thing}?`];
    return { topic: 'use', subject: name, questions, answer: `You use ${thing} to ${use}.` };
  }),
  ...furniture.map(({ name, use }): Fact => {
    const questions = [`What do you do with ${a(name)}?`, `What is the use of ${a(name)}?`];
    return { topic: 'use', subject: name, questions, answer: `You use ${a(name)} to ${use}.` };
  }),
  ...jobs.flatMap(({ name, task, place }): Fact[] => [
    {
      topic: 'job',
      subject: name,
      questions: [`What does ${a(name)} do?`, `What is the work of ${a(name)}?`],
      answer: `${a(name)} ${task}.`,
    },
    {
      topic: 'work',
      subject: name,
      questions: [`Where does ${a(name)} work?`],
      answer: `${a(name)} works ${place}.`,
    },
  ]),
  ...vehicles.map(({ name, where, verb }): Fact => {
    const questions = [`Where does ${a(name)} go?`, `Where do you see ${a(name)}?`];
    const verbs = verb === 'rides' || verb === 'drives' ? 'goes' : verb;
    return { topic: 'goes', subject: name, questions, answer: `${a(name)} ${verbs} ${where}.` };
  }),
  ...garments.map(({ name, part, plural }): Fact => {
    const questions = [`Where do you wear ${plural ? name : a(name)}?`];
    const answer = `You wear ${plural ? name : a(name)} on your ${part}.`;
    return { topic: 'wear', subject: name, questions, answer };
  }),
  ...parts.map(({ name, use }): Fact => {
    const questions = [`What do you do with your ${name}?`];
    return { topic: 'part', subject: name, questions, answer: `You ${use} with your ${name}.` };
  }),
  ...months.map(({ name, season }): Fact => {
    const questions = [`Which season is ${name} in?`];
    return { topic: 'season', subject: name, questions, answer: `${name} is in ${season}.` };
  }),
];
