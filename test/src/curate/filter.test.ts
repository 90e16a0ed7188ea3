import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filter } from '../../../src/curate/filter.ts';
import { type Task, taskProblem } from '../../../src/curate/heuristics.ts';
import { languageDetector } from '../../../src/curate/language.ts';
import { file } from '../data/files.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';

const good: Task = { instruction: 'Name four kinds of fruit.', input: '', output: 'Apples.' };

const tasks: [Partial<Task>, string | null][] = [
  [{}, null],
  [{ instruction: 'Name a fruit' }, 'instruction of 3 words or fewer'],
  [{ instruction: '' }, 'instruction of 3 words or fewer'],
  [{ instruction: 'word '.repeat(150) }, null],
  [{ instruction: 'word '.repeat(151) }, 'instruction of more than 150 words'],
  [{ instruction: 'Describe what these Images show' }, 'instruction with "images"'],
  [{ instruction: 'How do you go to school?' }, 'instruction with "go to"'],
  [{ instruction: 'Give me a filename and a mapping.' }, null],
  [{ instruction: 'List the mapped_file names here' }, null],
  [{ instruction: 'write a program that sorts' }, 'instruction that starts with "Write a program"'],
  [{ instruction: '"What is this?" he asked' }, 'instruction that starts with punctuation'],
  [
    { instruction: '¿Qué es esto de aquí?' },
    'instruction that starts with a character beyond ASCII',
  ],
  [{ output: ' \n' }, 'empty output'],
  [{ input: 'Apples. ' }, 'output that is the input'],
  [{ input: 'The list is:' }, 'input that ends in a colon'],
  [{ output: 'Here they are: ' }, 'output that ends in a colon'],
  [{ output: null, input: 'a:' }, null],
];
test(`Self-Instruct's filters: ${tasks.length} tasks by hand`, () => {
  for (const [changes, problem] of tasks) {
    assert.is(taskProblem({ ...good, ...changes }), problem, JSON.stringify(changes));
  }
});

test('the same input with another output: every such row leaves, and names another', async () => {
  const row = (input: string, output: string) => ({ ...good, input, output });
  const rows = [
    row('1', 'a'),
    row('1', 'b'),
    row('2', 'a'),
    row('2', 'a'),
    row('', 'a'),
    row('', 'b'),
    row('1 ', 'c'),
  ];
  const path = file('rows.jsonl', rows.map((each) => JSON.stringify(each)).join('\n'));
  const { left, kept } = await filter({ files: [path], selfInstruct: true });
  assert.is(kept, 4);
  assert.equal(
    left.map(({ reason, examples }) => [reason, examples.map(({ line, of }) => [line, of?.line])]),
    [
      [
        'same input with another output',
        [
          [1, 2],
          [2, 1],
          [7, 1],
        ],
      ],
    ],
  );
});

test('Self-Instruct’s filters read prompts, first columns and named ones', async () => {
  const chat = (content: string) => ({
    messages: [
      { role: 'user', content },
      { role: 'assistant', content: 'Yes.' },
    ],
  });
  const path = file(
    'rows.jsonl',
    [chat('Draw me a sheep, please'), chat('Tell me about a sheep')]
      .map((each) => JSON.stringify(each))
      .join('\n'),
  );
  const { left } = await filter({ files: [path], selfInstruct: true });
  assert.equal(
    left.map(({ reason }) => reason),
    ['instruction with "draw"'],
  );
});

const languages: [string, string][] = [
  ['en', 'Describe how plants turn the light of the sun into food that they can use.'],
  ['de', 'Beschreibe, wie Pflanzen das Licht der Sonne in Nahrung verwandeln.'],
  ['fr', 'Décrivez comment les plantes transforment la lumière du soleil en nourriture.'],
  ['es', 'Describe cómo las plantas convierten la luz del sol en alimento.'],
  ['zh', '请描述植物如何将阳光转化为它们可以使用的食物。'],
  ['ja', '植物がどのようにして太陽の光を食べ物に変えるのか説明してください。'],
  ['ru', 'Опишите, как растения превращают солнечный свет в пищу.'],
  ['ar', 'صف كيف تحول النباتات ضوء الشمس إلى غذاء يمكنها استخدامه.'],
];
test('languages', async () => {
  const detector = await languageDetector();
  assert.is(detector.languages.length, 60);
  for (const [code, text] of languages) {
    assert.equal(detector.detect(text), { code, isReliable: true }, text);
  }
  assert.is(detector.detect('42').isReliable, false);
});

test('the language filter keeps what it is not sure of, unless told', async () => {
  const rows = [...languages.map(([, text]) => ({ text })), { text: '42' }];
  const path = file('rows.jsonl', rows.map((each) => JSON.stringify(each)).join('\n'));
  const kept = await filter({ files: [path], languages: ['de', 'fr'] });
  assert.is(kept.kept, 3);
  assert.equal(
    kept.left.map(({ reason, count, examples }) => [reason, count, examples[0]?.detail]),
    [['another language', 6, 'en']],
  );
  const sure = await filter({ files: [path], languages: ['de', 'fr'], sureLanguage: true });
  assert.is(sure.kept, 2);
});

test('lengths in tokens', async () => {
  const path = file('rows.jsonl', '{"text":"a"}\n{"text":"hello hello hello hello"}\n');
  const tokenizer = tinyDirectory();
  const { left } = await filter({ files: [path], tokenizer, maxTokens: 3 });
  assert.equal(
    left.map(({ reason, count }) => [reason, count]),
    [['more than 3 tokens', 1]],
  );
});

test.run();
