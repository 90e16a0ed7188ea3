import type { Rng } from './rng.ts';

export type Slots = Record<string, string>;

/** Expands `{one|other}` choices (nesting allowed) and `[slot]` names, then fixes articles. */
export function expand(rng: Rng, template: string, slots: Slots = {}): string {
  let text = template;
  const choice = /\{([^{}]*)\}/;
  for (let m = choice.exec(text); m; m = choice.exec(text)) {
    const picked = rng.pick((m[1] ?? '').split('|'));
    text = text.slice(0, m.index) + picked + text.slice(m.index + m[0].length);
  }
  text = text.replace(/\[(\w+)\]/g, (_, name: string) => {
    const value = slots[name];
    if (value === undefined) throw new Error(`no slot ${name} in: ${template}`);
    return value;
  });
  return polish(text);
}

export function polish(text: string): string {
  return text
    .replace(/ +/g, ' ')
    .replace(/\b([Aa]) (?=[aeiou](?!ne\b|se))/g, '$1n ')
    .replace(/(^|[.!?] |\n)([a-z])/g, (_, lead: string, letter: string) => {
      return lead + letter.toUpperCase();
    })
    .trim();
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function a(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

export function series(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}
