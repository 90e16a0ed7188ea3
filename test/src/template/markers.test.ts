import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { closeMark, cutMarks, openMark } from '../../../src/template/markers.ts';
import { failure } from '../data/files.ts';

const none = { tools: null, documents: null, variables: {} };

function render(source: string): { text: string; spans: [number, number][] } {
  return new ChatTemplate(source, {}).render([{ role: 'user', content: 'x' }], none);
}

test('white space control is that of a block tag', () => {
  assert.equal(render('a {% generation %} b {% endgeneration %} c'), {
    text: 'a  b  c',
    spans: [[2, 5]],
  });
  assert.equal(render('a {%- generation -%} b {%- endgeneration -%} c'), {
    text: 'abc',
    spans: [[1, 2]],
  });
  assert.equal(render('a\n  {% generation %}\nb\n  {% endgeneration %}\nc'), {
    text: 'a\nb\nc',
    spans: [[2, 4]],
  });
});

test('inside a loop and an if', () => {
  const source =
    '{% for m in messages %}{% if true %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}.{% endfor %}';
  assert.equal(render(source), { text: 'x.', spans: [[0, 1]] });
});

test('empty blocks have no span; unpaired marks are an error', () => {
  assert.equal(cutMarks(`a${openMark}${closeMark}b`), { text: 'ab', spans: [] });
  for (const text of [openMark, closeMark, `${openMark}${openMark}`]) {
    failure('template', () => cutMarks(text));
  }
});

test.run();
