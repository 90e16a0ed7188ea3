import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DataRecord, type TokensRecord, toRecord } from '../../../src/data/record.ts';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { type SegmentOptions, type Segments, toSegments } from '../../../src/template/segments.ts';
import { failure } from '../data/files.ts';

const place = { file: 'f.jsonl', line: 3 };
const unmarked = new ChatTemplate(
  "{% for m in messages %}<{{ m['role'][0] }}>{{ m['content'] }}</>{% endfor %}{% if add_generation_prompt %}<a>{% endif %}",
  {},
);
const marked = new ChatTemplate(
  "{% for m in messages %}<{{ m['role'][0] }}>{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}</>{% endgeneration %}{% else %}{{ m['content'] }}</>{% endif %}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}",
  {},
);
/** Drops what assistants said before, as templates of reasoning models do. */
const forgetful = new ChatTemplate(
  "{% for m in messages %}<{{ m['role'][0] }}>{% if m['role'] == 'assistant' and not loop.last %}{{ m['content'][0] }}{% else %}{{ m['content'] }}{% endif %}</>{% endfor %}{% if add_generation_prompt %}<a>{% endif %}",
  {},
);

const defaults: SegmentOptions = {
  eos: '<e>',
  template: unmarked,
  completionOnlyLoss: null,
  assistantOnlyLoss: null,
  rolesToTrain: ['assistant'],
  maskHistory: false,
  trainOnEos: 'turn',
  findControls: () => [],
};

function segments(row: unknown, options: Partial<SegmentOptions> = {}): Segments {
  const record = toRecord(row, 'text', place) as Exclude<DataRecord, TokensRecord>;
  return toSegments(record, { ...defaults, ...options }, place);
}

/** The text with its trained parts in brackets. */
function shown(row: unknown, options: Partial<SegmentOptions> = {}): string {
  const { text, spans } = segments(row, options);
  let done = 0;
  for (const [start, end] of spans) {
    assert.is(start, done);
    done = end;
  }
  assert.is(done, text.length);
  return spans
    .map(([start, end, trained]) =>
      trained ? `[${text.slice(start, end)}]` : text.slice(start, end),
    )
    .join('');
}

const say = (...contents: string[]): { role: string; content: string }[] =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

test('text ends in EOS, once', () => {
  assert.is(shown({ text: 'a' }), '[a<e>]');
  assert.is(shown({ text: 'a<e>' }), '[a<e>]');
  assert.is(shown({ text: '' }), '[<e>]');
  assert.is(segments({ text: 'a' }).addSpecialTokens, true);
});

test('prompt and completion', () => {
  const row = { prompt: 'p', completion: 'c' };
  assert.is(shown(row), 'p[c<e>]');
  assert.is(shown(row, { completionOnlyLoss: false }), '[pc<e>]');
  assert.is(shown({ prompt: '', completion: 'c<e>' }), '[c<e>]');
});

test('messages: turn by turn, or by the marks of the template', () => {
  const row = { messages: say('hi', 'yo', 'so', 'no') };
  const expected = '<u>hi</><a>[yo</>]<u>so</><a>[no</>]';
  assert.is(shown(row), expected);
  assert.is(shown(row, { template: marked }), expected);
  assert.is(shown(row, { assistantOnlyLoss: false }), `[${expected.replace(/[[\]]/g, '')}]`);
  assert.is(segments(row).addSpecialTokens, false);
});

test('prompt and completion messages: the assistant in the completion', () => {
  const row = { prompt: say('hi', 'yo', 'so'), completion: [{ role: 'assistant', content: 'no' }] };
  for (const template of [unmarked, marked]) {
    assert.is(shown(row, { template }), '<u>hi</><a>yo</><u>so</><a>[no</>]');
    assert.is(
      shown(row, { template, completionOnlyLoss: false }),
      '<u>hi</><a>[yo</>]<u>so</><a>[no</>]',
    );
  }
  const longer = {
    prompt: say('hi'),
    completion: [{ role: 'assistant', content: 'yo' }, ...say('so', 'no')],
  };
  assert.is(shown(longer), '<u>hi</><a>[yo</>]<u>so</><a>[no</>]');
  assert.is(shown(longer, { assistantOnlyLoss: false }), '<u>hi</><a>[yo</><u>so</><a>no</>]');
});

test('a template that rewrites earlier turns is an error with a remedy', () => {
  const options = { template: forgetful };
  assert.is(shown({ messages: say('hi', 'yo') }, options), '<u>hi</><a>[yo</>]');
  const message = failure('template', () =>
    segments({ messages: say('hi', 'yo', 'so', 'no') }, options),
  );
  assert.match(
    message,
    /^f\.jsonl:3: .*messages\[1\] cannot be told apart; give a template with \{% generation %\}/,
  );
  const row = { prompt: say('hi', 'yo', 'so'), completion: [{ role: 'assistant', content: 'no' }] };
  assert.is(shown(row, options), '<u>hi</><a>y</><u>so</><a>[no</>]');
});

test('what is asked but cannot be is an error', () => {
  const text = { text: 'a' };
  assert.match(
    failure('data', () => segments(text, { assistantOnlyLoss: true })),
    /^f\.jsonl:3: assistant_only_loss needs/,
  );
  assert.match(
    failure('data', () => segments(text, { completionOnlyLoss: true })),
    /^f\.jsonl:3: completion_only_loss needs/,
  );
  assert.match(
    failure('tokenizer', () => segments(text, { eos: null })),
    /^f\.jsonl:3: .*no EOS token/,
  );
  assert.match(
    failure('template', () => segments({ messages: say('a', 'b') }, { template: null })),
    /^f\.jsonl:3: .*chat_template_path/,
  );
  const broken = { messages: [{ role: 'assistant', content: 'a\udc00' }] };
  assert.match(
    failure('data', () => segments(broken, { template: marked })),
    /^f\.jsonl:3: .*surrogate/,
  );
});

test.run();
