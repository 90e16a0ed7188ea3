/** Every colour of text on every ground that it stands on: WCAG 2.1 AA, in light and in dark. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const style = (name: string): string =>
  readFileSync(new URL(`../../../src/page/client/${name}.css`, import.meta.url), 'utf8');
const css = style('page');

/** The colours that a rule sets. */
function palette(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  assert.ok(start >= 0, selector);
  const body = css.slice(start, css.indexOf('}', start));
  return new Map(
    [...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, hex]) => [name!, hex!]),
  );
}

/** As WCAG defines relative luminance. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}

/** Text and the grounds it stands on. */
const texts: Record<string, string[]> = {
  text: [
    'back',
    'panel',
    'on',
    'on-even',
    'accent-back',
    'warn-back',
    'bad-back',
    'l0',
    'l1',
    'l2',
    'l3',
    'l4',
  ],
  soft: ['back', 'panel', 'off-even', 'accent-back'],
  accent: ['back', 'panel', 'accent-back'],
  warn: ['panel', 'warn-back'],
  bad: ['panel', 'bad-back'],
  note: ['panel', 'note-back'],
  'l5-text': ['l5'],
};
/** What is seen and not read: bars, lines, the ring of focus. */
const shapes: Record<string, string[]> = {
  accent: ['back', 'panel', 'accent-back'],
  'on-line': ['back', 'on', 'on-even'],
  soft: ['back'],
};

const light = palette(':root');
const dark = palette(':root[data-theme="dark"]');

test('dark is the same, asked for or found', () => {
  assert.equal(palette(':root:not([data-theme="light"])'), dark);
  assert.equal([...dark.keys()].sort(), [...light.keys()].sort());
});

for (const [name, colours] of Object.entries({ light, dark })) {
  test(`${name}: text is readable, shapes are seen`, () => {
    const weak: string[] = [];
    let pairs = 0;
    const check = (all: Record<string, string[]>, least: number): void => {
      for (const [front, grounds] of Object.entries(all)) {
        for (const ground of grounds) {
          const ratio = contrast(colours.get(front)!, colours.get(ground)!);
          pairs++;
          if (ratio < least) weak.push(`${front} on ${ground}: ${ratio.toFixed(2)} of ${least}`);
        }
      }
    };
    check(texts, 4.5);
    check(shapes, 3);
    assert.equal(weak, []);
    assert.ok(pairs > 30);
  });
}

test('every colour of the style is one of the palette, and every pair of it is checked', () => {
  const used = new Set<string>();
  for (const name of ['page', 'data', 'run']) {
    for (const [, variable] of style(name).matchAll(/(?:^|\s)color: var\(--([\w-]+)\)/g))
      used.add(variable!);
    const own = style(name).replaceAll(/--[\w-]+: #[0-9a-f]{6};/g, '');
    // Parts of the memory bar stand beside names; their colours are those of Okabe and Ito.
    assert.not.match(
      own.replaceAll(/\.c\d \{\s*background: #[0-9a-f]{6};/g, ''),
      /#[0-9a-f]{3,6};/,
    );
  }
  assert.equal(
    [...used].filter((name) => !(name in texts)),
    [],
  );
});

test.run();
