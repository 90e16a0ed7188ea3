import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JinjaFailure } from '../../../../src/template/jinja/failure.ts';
import { JinjaTemplate } from '../../../../src/template/jinja/template.ts';
import { Text } from '../../../../src/template/jinja/text.ts';
import { RowValues, type Value } from '../../../../src/template/jinja/values.ts';

interface Case {
  template: string;
  text?: string;
  error?: string;
  spans?: [number, number][];
}

/** What scripts/golden/jinja.py wrote: texts, and the code-point spans of generation blocks. */
const golden = JSON.parse(
  readFileSync(new URL('../../../golden/jinja.json', import.meta.url), 'utf8'),
) as { context: Record<string, unknown>; cases: Case[] };

function render(source: string): { text: string; spans: [number, number][] } {
  const row = new RowValues();
  const variables = new Map<string, Value>();
  for (const [name, value] of Object.entries(golden.context)) {
    variables.set(name, row.convert(value, 0));
  }
  variables.set('documents', null);
  variables.set('add_generation_prompt', false);
  variables.set('bos_token', new Text('<s>'));
  const { text, generated } = new JinjaTemplate(source).render(variables, { size: row.size });
  const points = (end: number): number => [...text.text.slice(0, end)].length;
  return {
    text: text.text,
    spans: generated.map(([start, end]): [number, number] => [points(start), points(end)]),
  };
}

/** Constructs that Python renders and attune refuses; everything else must be equal. */
const refusable = /supported|beyond the integers|no \{% endraw|must be a string/;

test('every case is what Python renders, or is refused with a reason', () => {
  const refused: string[] = [];
  for (const { template, text, error, spans = [] } of golden.cases) {
    let found: ReturnType<typeof render>;
    try {
      found = render(template);
    } catch (failure) {
      assert.instance(failure, JinjaFailure, `${template}\n${(failure as Error).stack}`);
      if (error === undefined) {
        assert.match((failure as Error).message, refusable, template);
        refused.push(template);
      }
      continue;
    }
    assert.is(error, undefined, `Python refuses ${template}: ${error}; here it is ${found.text}`);
    assert.is(found.text, text, template);
    assert.equal(found.spans, spans, template);
  }
  const rendered = golden.cases.filter((each) => each.text !== undefined).length;
  assert.ok(rendered > 300, `${rendered} cases with a text`);
  assert.ok(refused.length <= rendered / 10, `${refused.length} of ${rendered} refused`);
});

test.run();
