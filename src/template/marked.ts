import type { Message } from '../data/message.ts';
import { AttuneError } from '../errors.ts';
import type { Rendered } from './chat.ts';

/**
 * Of the {% generation %} blocks of a conversation, those of the `trained` turns of the assistant. A
 * block belongs to the messages whose text is in it; one without any to the assistant's turn of the
 * same number. Throws `template` where a block has text of another role, or belongs to turns of which
 * only some are trained.
 */
export function markedStretches(
  { spans, origins }: Rendered,
  messages: readonly Message[],
  trained: ReadonlySet<number>,
): [number, number][] {
  const turns = messages.flatMap(({ role }, i) => (role === 'assistant' ? [i] : []));
  const all = turns.every((turn) => trained.has(turn));
  return spans.filter(([start, end], number) => {
    const owners = origins.messages(start, end);
    const foreign = owners.find((owner) => messages[owner]?.role !== 'assistant');
    if (foreign !== undefined) throw foreignText(foreign, messages[foreign]?.role ?? '');
    if (all) return true;
    if (owners.length === 0 && spans.length !== turns.length) throw nobodys(number);
    const of = owners.length > 0 ? owners : [turns[number] as number];
    const kept = of.filter((owner) => trained.has(owner));
    if (kept.length > 0 && kept.length < of.length) throw shared(of);
    return kept.length > 0;
  });
}

function foreignText(message: number, role: string): AttuneError {
  return new AttuneError(
    'template',
    `a {% generation %} block of the chat template has text of messages[${message}], whose role is ` +
      `${role}: put the markers around the assistant's text alone`,
  );
}

function nobodys(block: number): AttuneError {
  return new AttuneError(
    'template',
    `{% generation %} block ${block + 1} of the rendered conversation has no text of a message, so ` +
      'which turn it belongs to cannot be told, and not all turns are trained',
  );
}

function shared(owners: readonly number[]): AttuneError {
  const list = owners.map((owner) => `messages[${owner}]`).join(' and ');
  return new AttuneError(
    'template',
    `the chat template puts ${list} into one {% generation %} block, and only some of them are trained`,
  );
}
