import { bare, facts, legWords } from './fact.ts';
import { a, capital, expand, polish, series } from './phrase.ts';
import type { Rng } from './rng.ts';
import { exercise, held } from './task.ts';
import {
  animals,
  causes,
  coloured,
  countable,
  days,
  foods,
  furniture,
  garments,
  jobs,
  materials,
  months,
  opposites,
  parts,
  people,
  places,
  plural,
  seasons,
  tools,
  vehicles,
  word,
} from './world.ts';

type Page = (rng: Rng) => string;

const animalPage: Page = (rng) => {
  const animal = rng.pick(animals);
  const { name, plural: many } = animal;
  const slots = {
    name,
    many,
    colour: animal.colour,
    home: animal.home,
    food: animal.food,
    sound: animal.sound,
    legs: legWords[animal.legs] ?? '',
    moves: animal.moves,
    move: bare(animal.moves),
    nature: animal.nature,
    feature: animal.feature,
    size: animal.size < 4 ? 'small' : animal.size > 7 ? 'big' : 'middle-sized',
    smaller: rng.pick(animals.filter((x) => x.size < Math.max(animal.size, 2))).name,
    bigger: rng.pick(animals.filter((x) => x.size > Math.min(animal.size, 11))).name,
  };
  const lines = [
    '{A [name] is [colour].|Most [many] are [colour].|The [name] is a [colour] animal.}',
    '{A [name] lives [home].|[many] live [home].|You can find a [name] [home].}',
    '{A [name] eats [food].|[many] eat [food].|A [name] likes to eat [food].}',
    '{A [name] has [legs] legs.|[many] have [legs] legs.}',
    '{A [name] has [feature].|You can know a [name] by [feature].}',
    '{A [name] is a [nature] animal.|People say that [many] are [nature].}',
    '{A [name] [moves] {every day|when it looks for food|when it is awake}.|[many] can [move].}',
  ];
  if (animal.sound) lines.push('{A [name] says [sound].|The sound of a [name] is [sound].}');
  if (animal.size > 1) lines.push('A [name] is bigger than a [smaller].');
  if (animal.size < 12) lines.push('A [name] is smaller than a [bigger].');
  const opening = rng.pick([
    'The [name] is a [size] animal.',
    'This is a [name].',
    'Let us talk about the [name].',
    'A [name] is an animal.',
    'Do you know the [name]?',
  ]);
  const chosen = rng.sample(lines, rng.int(5, 8));
  return expand(rng, [opening, ...chosen].join(' '), slots);
};

const foodPage: Page = (rng) =>
  rng
    .sample(foods, rng.int(2, 3))
    .map((food) =>
      expand(
        rng,
        rng
          .shuffle([
            '{A [name] is a [kind].|The [name] is a kind of [kind].}',
            '{A [name] is [colour].|A ripe [name] is [colour].|[many] are [colour].}',
            '{A [name] tastes [taste].|[many] taste [taste].}',
            '{A [name] grows [origin].|[many] grow [origin].}',
          ])
          .join(' '),
        { ...food, many: plural(food.name) },
      ),
    )
    .join(' ');

const toolPage: Page = (rng) =>
  rng
    .sample(tools, rng.int(3, 4))
    .map((tool) => {
      const bareName = tool.name === 'soap' || tool.name === 'scissors';
      const slots = { ...tool, thing: bareName ? tool.name : a(tool.name) };
      const made = tool.name === 'scissors' ? 'are' : 'is';
      return expand(
        rng,
        rng.pick([
          `You use [thing] to [use]. [thing] ${made} made of [material]. A [user] needs [thing].`,
          'A [user] uses [thing] to [use]. With [thing] you can [use].',
          `[thing] ${made} made of [material]. You use [thing] to [use].`,
          'If you want to [use], you need [thing]. Every [user] has [thing].',
        ]),
        slots,
      );
    })
    .join(' ');

const jobPage: Page = (rng) =>
  rng
    .sample(jobs, rng.int(2, 4))
    .map((job) => {
      const tool = job.tool === 'soap' ? 'soap' : a(job.tool);
      return expand(
        rng,
        rng.pick([
          'A [name] [task]. A [name] works [place]. A [name] needs [tool].',
          'The [name] works [place]. ' +
            'The [name] [task] {every day|all day long|from Monday to Friday}.',
          'Who [task]? A [name] [task]. You can find a [name] [place].',
          'A [name] [task]. The work of a [name] is {hard|important|never boring|useful}.',
        ]),
        { ...job, tool },
      );
    })
    .join(' ');

const placePage: Page = (rng) => {
  const place = rng.pick(places);
  const things = rng.shuffle(place.things);
  return expand(
    rng,
    'The [name] is a [mood] place. [At] the [name] you can see [some]. ' +
      '{[who] likes to go there|[who] goes there} {on [day]|every [day]|in [season]}. ' +
      '{It is never boring there.|There is always something to see.|Many people know it.} ' +
      '{[who] looks at [one] and smiles.|[who] stays there until the evening.|' +
      '[who] walks home before it gets dark.}',
    {
      name: place.name,
      mood: place.mood,
      At: capital(place.at),
      some: series(things.slice(0, rng.int(2, 4))),
      one: (things[0] ?? '').replace(/^an? /, ''),
      who: rng.pick(people).name,
      day: rng.pick(days),
      season: rng.pick(seasons)[0],
    },
  );
};

const housePage: Page = (rng) =>
  rng
    .sample(furniture, rng.int(3, 4))
    .map((item) =>
      expand(
        rng,
        '{You use a [name] to [use]. A [name] is made of [material].|' +
          'There is a [name] in the [room]. You use it to [use].|' +
          'A [name] is a thing for the house. You use a [name] to [use].|' +
          'The [name] stands in the [room]. It is made of [material].}',
        item,
      ),
    )
    .join(' ');

const clothesPage: Page = (rng) =>
  rng
    .sample(garments, rng.int(3, 4))
    .map(({ name, part, weather, plural: many }) =>
      expand(
        rng,
        '{You wear [thing] on your [part].|When the weather is [weather], you wear [thing].|' +
          'You wear [thing] on your [part] when it is [weather].|' +
          '[who] puts on [thing] because it is [weather] today. You wear [thing] on your [part].}',
        { thing: many ? name : a(name), part, weather, who: rng.pick(people).name },
      ),
    )
    .join(' ');

const vehiclePage: Page = (rng) =>
  rng
    .sample(vehicles, rng.int(2, 3))
    .map((vehicle) => {
      const going = /rides|drives/.test(vehicle.verb) ? 'goes' : vehicle.verb;
      const smaller = vehicles.filter((x) => x.size < vehicle.size);
      const compare = smaller.length
        ? ` A [name] is bigger than a ${rng.pick(smaller).name}.`
        : ' A [name] is not very big.';
      return expand(
        rng,
        `{A [name] is a vehicle. |}A [name] ${going} [where]. ` +
          `A [name] carries [carries].${compare}`,
        { name: vehicle.name, where: vehicle.where, carries: vehicle.carries },
      );
    })
    .join(' ');

const materialPage: Page = (rng) =>
  rng
    .sample(materials, rng.int(3, 4))
    .map((material) =>
      expand(
        rng,
        '{[name] is [trait].|We know that [name] is [trait].} [thing] is made of [name].',
        material,
      ),
    )
    .join(' ');

const bodyPage: Page = (rng) =>
  rng
    .sample(parts, rng.int(4, 6))
    .map((part) =>
      expand(rng, '{You [use] with your [name].|Your [name] help you to [use].}', part),
    )
    .join(' ')
    .replace(/(nose|tongue|brain|mouth|skin) help /g, '$1 helps ');

const comparePage: Page = (rng) => {
  const lines: string[] = [];
  while (lines.length < 5) {
    const [x, y] = rng.sample(animals, 2);
    if (!x || !y || x.size === y.size) continue;
    const [big, small] = x.size > y.size ? [x, y] : [y, x];
    lines.push(
      expand(
        rng,
        '{A [big] is bigger than a [small].|A [small] is smaller than a [big].|' +
          'A [big] is bigger than a [small], and a [small] is smaller than a [big].|' +
          'The [big] is big and the [small] is small, so a [big] is bigger than a [small].|' +
          'You can see that a [big] is bigger than a [small].}',
        { big: big.name, small: small.name },
      ),
    );
  }
  return lines.join(' ');
};

const orderPage: Page = (rng) => {
  const sizes = rng
    .sample([...new Set(animals.map((x) => x.size))], rng.int(3, 5))
    .sort((x, y) => x - y);
  const names = sizes.map((size) => rng.pick(animals.filter((x) => x.size === size)).name);
  const [first = '', last = ''] = [names[0], names.at(-1)];
  return expand(
    rng,
    '{From small to big|In order of size, from small to big}: [up]. ' +
      'The {smallest|smallest animal} is the [first]. ' +
      'The {biggest|biggest animal} is the [last]. ' +
      '{From big to small: [down].|So a [last] is bigger than a [first].}',
    { up: names.join(', '), down: [...names].reverse().join(', '), first, last },
  );
};

const oppositePage: Page = (rng) =>
  rng
    .sample(opposites, rng.int(4, 6))
    .map((pair) => rng.shuffle(pair))
    .map(([x = '', y = '']) =>
      expand(
        rng,
        '{The opposite of [x] is [y].|[x] is the opposite of [y].|[x] and [y] are opposites.|' +
          '[x] is not the same as [y]. [y] is the opposite of [x].}',
        { x, y },
      ),
    )
    .join(' ');

const sumPage: Page = (rng) => {
  const lines: string[] = [];
  for (let i = rng.int(4, 6); i > 0; i--) {
    const [x, y] = [rng.int(0, 10), rng.int(0, 10)];
    lines.push(
      rng.chance(0.6)
        ? `${word(x)} plus ${word(y)} is ${word(x + y)}.`
        : `${word(x + y)} minus ${word(y)} is ${word(x)}.`,
    );
  }
  return polish(lines.join(' '));
};

const tablePage: Page = (rng) => {
  const x = rng.int(0, 10);
  const from = rng.int(0, 4);
  const lines = Array.from({ length: 6 }, (_, i) => from + i).map(
    (y) => `${word(x)} plus ${word(y)} is ${word(x + y)}.`,
  );
  return polish(lines.join(' '));
};

const countPage: Page = (rng) => {
  const low = rng.int(0, 12);
  const high = Math.min(20, low + rng.int(4, 9));
  const up = Array.from({ length: high - low + 1 }, (_, i) => word(low + i));
  const many = rng.pick(countable);
  return expand(
    rng,
    '[who] counts {the [many]|the [many] on the table|slowly|loudly}: [up]. ' +
      '{Then [who] counts back: [down].|After [x] comes [y].|Before [y] comes [x].}',
    {
      who: rng.pick(people).name,
      many: plural(many),
      up: up.join(', '),
      down: [...up].reverse().join(', '),
      x: word(low + 1),
      y: word(low + 2),
    },
  );
};

const sumStory: Page = (rng) => {
  const [x, y] = [rng.int(2, 10), rng.int(2, 9)];
  const z = rng.int(1, x + y - 1);
  const [p, q] = rng.sample(people, 2);
  const thing = plural(rng.pick(countable));
  if (!p || !q) throw new Error('too few people');
  return expand(
    rng,
    `[p] has [x] [thing]. {[q] gives [him] [y] more|[He] finds [y] more|[He] buys [y] more}. ` +
      `[x] plus [y] is [sum]. Now [p] has [sum] [thing]. ` +
      `{Then [he] gives [z] [thing] to [q]|Then [he] loses [z] [thing]}. ` +
      `[sum] minus [z] is [rest]. Now [p] has [rest] {[thing]|left}.`,
    {
      p: p.name,
      q: q.name,
      he: p.he,
      He: capital(p.he),
      him: p.him,
      thing,
      x: word(x),
      y: word(y),
      sum: word(x + y),
      z: word(z),
      rest: word(x + y - z),
    },
  ).replace(/\bone (\w{3,})s\b/g, (_, noun: string) => `one ${noun}`);
};

const listPage: Page = (rng) => {
  const groups: [string, string[]][] = [
    ['animals', animals.map((x) => a(x.name))],
    ['birds', 'robin parrot crow duck hen owl goose eagle penguin'.split(' ').map(a)],
    ['insects', 'ant bee ladybird fly butterfly'.split(' ').map(a)],
    ['fruits', foods.filter((x) => x.kind === 'fruit').map((x) => a(x.name))],
    ['vegetables', foods.filter((x) => x.kind === 'vegetable').map((x) => a(x.name))],
    ['tools', tools.filter((x) => !/soap|scissors/.test(x.name)).map((x) => a(x.name))],
    ['vehicles', vehicles.map((x) => a(x.name))],
    ['jobs', jobs.map((x) => x.name)],
    ['clothes', garments.map((x) => (x.plural ? x.name : a(x.name)))],
    ['colours', 'red yellow blue green orange purple pink brown black white grey'.split(' ')],
    ['places', places.map((x) => `the ${x.name}`)],
    ['parts of the body', parts.map((x) => x.name)],
    ['materials', materials.map((x) => x.name)],
  ];
  return rng
    .sample(groups, rng.int(2, 3))
    .map(([group, items]) => {
      const some = rng.sample(items, rng.int(3, 5));
      return expand(
        rng,
        '{Here are some [group]: [list].|Some [group] are [series].|[Count] [group] are [series].}',
        { group, list: some.join(', '), series: series(some), Count: capital(word(some.length)) },
      );
    })
    .join(' ');
};

const kinds: [string, string][] = [
  ...animals.map((x): [string, string] => [x.name, 'animal']),
  ...foods.map((x): [string, string] => [x.name, x.kind]),
  ...tools
    .filter((x) => !/soap|scissors/.test(x.name))
    .map((x): [string, string] => [x.name, 'tool']),
  ...vehicles.map((x): [string, string] => [x.name, 'vehicle']),
];

const kindPage: Page = (rng) =>
  rng
    .sample(kinds, 5)
    .map(([name, kind]) => {
      const other = rng.pick(kinds.filter((x) => x[1] !== kind))[1];
      return expand(
        rng,
        '{A [name] is a [kind].|A [name] is a [kind], not a [other].|' +
          'A [name] is not a [other]. It is a [kind].}',
        { name, kind, other },
      );
    })
    .join(' ');

const causePage: Page = (rng) =>
  rng
    .sample(causes, rng.int(4, 5))
    .map((cause) =>
      expand(
        rng,
        '{When [cause], [effect].|If [cause], [effect].|[effect] when [cause].|' +
          'Because [past], [result].}',
        cause,
      ),
    )
    .join(' ');

const calendarPage: Page = (rng) => {
  const [list, start] = rng.chance(0.5)
    ? [days, rng.int(0, 6)]
    : [months.map((x) => x.name), rng.int(0, 11)];
  const at = (i: number): string => list[(start + i) % list.length] ?? '';
  const order = `${at(0)}, ${at(1)}, ${at(2)}, ${at(3)}, ${at(4)}`;
  const lines = [0, 1, 2].map((i) => `${at(i + 1)} comes after ${at(i)}.`);
  lines.push(`${at(1)} comes before ${at(2)}.`);
  if (list !== days) {
    lines.push(...rng.sample(months, 3).map((x) => `${x.name} is in ${x.season}.`));
  }
  return `${order}. ${rng.shuffle(lines).join(' ')}`;
};

const seasonPage: Page = (rng) => {
  const [season, event, weather] = rng.pick(seasons);
  const year = [...months.slice(-1), ...months.slice(0, -1)];
  const inside = year.filter((x) => x.season === season).map((x) => x.name);
  return expand(
    rng,
    'In [season] [event]. The weather is [weather]. The months of [season] are [months]. ' +
      '{[who] likes [season] best|[who] is happy when [season] comes}. ' +
      '{The [animal] likes it too.|[one] is in [season].|Soon [season] will be over.}',
    {
      season,
      event,
      weather,
      months: series(inside),
      one: rng.pick(inside),
      who: rng.pick(people).name,
      animal: rng.pick(animals).name,
    },
  );
};

const colourPage: Page = (rng) => {
  const items = [...coloured, ...foods.map((x) => ({ name: a(x.name), colour: x.colour }))];
  return rng
    .sample(items, rng.int(5, 6))
    .map((x) =>
      expand(
        rng,
        '{[name] is [colour].|The colour of [name] is [colour].|[name] is always [colour].}',
        x,
      ),
    )
    .join(' ');
};

const asked = facts.filter((x) => !held(`fact ${x.topic} ${x.subject}`));

const dialoguePage: Page = (rng) => {
  const [p, q] = rng.sample(people, 2);
  if (!p || !q) throw new Error('too few people');
  const turns = rng.sample(asked, rng.int(2, 4)).map((fact, i) => {
    const answer = capital(fact.answer);
    const said = answer.slice(0, -1);
    return expand(
      rng,
      i === 0
        ? `{"[q]" asked [p]. "[said]," said [r].|[p] asked [r]: "[q]" [r] answered: "[answer]"}`
        : `{"[q]" asked [p]. "[said]," {said|answered} [r].|"And [low]" "[answer]"}`,
      {
        p: p.name,
        r: q.name,
        q: rng.pick(fact.questions),
        low: lower(rng.pick(fact.questions)),
        said,
        answer,
      },
    );
  });
  const end = rng.pick([
    '"Thank you," said [p].',
    '"You know so much," said [p].',
    '"Now I understand," said [p].',
    '"That is good to know," said [p].',
  ]);
  return [...turns, expand(rng, end, { p: p.name })].join(' ');
};

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

const quizPage: Page = (rng) => {
  const [p, q] = rng.sample(people, 2);
  if (!p || !q) throw new Error('too few people');
  const opening = rng.pick([
    '[p] asks and [q] answers.',
    '[p] and [q] are learning.',
    'The teacher asks and [p] answers.',
    '[p] has many questions for [q].',
    'It is time for a quiz.',
  ]);
  const turns = Array.from({ length: rng.int(3, 6) }, () => {
    const { prompt, completion } = exercise(rng, false);
    return `"${prompt}" "${completion}"`;
  });
  return [expand(rng, opening, { p: p.name, q: q.name }), ...turns].join(' ');
};

const riddlePage: Page = (rng) => {
  const animal = rng.pick(animals);
  const clues = [
    'It is [colour].',
    'It lives [home].',
    'It eats [food].',
    'It has [legs] legs.',
    'It has [feature].',
    'It is [nature].',
  ];
  if (animal.sound) clues.push('It says [sound].');
  return expand(
    rng,
    '{I am thinking of an animal.|Guess the animal.} ' +
      `${rng.sample(clues, rng.int(4, 5)).join(' ')} ` +
      '{What is it|Which animal is it}? It is a [name].',
    {
      name: animal.name,
      colour: animal.colour,
      home: animal.home,
      food: animal.food,
      legs: legWords[animal.legs] ?? '',
      feature: animal.feature,
      nature: animal.nature,
      sound: animal.sound,
    },
  );
};

const factPage: Page = (rng) =>
  rng
    .sample(facts, rng.int(5, 7))
    .map((fact) => capital(fact.answer))
    .join(' ');

/** Every kind of page with its share among the pages. */
export const pages: [Page, number][] = [
  [animalPage, 12],
  [factPage, 12],
  [dialoguePage, 9],
  [quizPage, 34],
  [comparePage, 8],
  [orderPage, 3],
  [foodPage, 3],
  [toolPage, 4],
  [jobPage, 4],
  [placePage, 3],
  [housePage, 2],
  [clothesPage, 2],
  [vehiclePage, 2],
  [materialPage, 1],
  [bodyPage, 2],
  [oppositePage, 5],
  [sumPage, 6],
  [tablePage, 3],
  [countPage, 3],
  [sumStory, 4],
  [listPage, 4],
  [kindPage, 4],
  [causePage, 4],
  [calendarPage, 3],
  [seasonPage, 2],
  [colourPage, 3],
  [riddlePage, 3],
];
