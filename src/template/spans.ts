import type { Message } from '../data/message.ts';
import type { ChatExtras } from '../data/record.ts';
import { AttuneError } from '../errors.ts';
import type { ChatTemplate, Rendered } from './chat.ts';

/**
 * Renders a conversation with the spans of its assistant turns, end-of-turn text included: from
 * the template's {% generation %} blocks, or, without them, from rendering it turn by turn, where
 * what comes before a turn must be a prefix of what comes with it, and both of the whole. Turns
 * before `from` are not looked at. Throws `template` where the spans cannot be told.
 */
export function renderAssistantSpans(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  from = 0,
): Rendered {
  const whole = template.render(messages, extras);
  if (template.marked) return whole;
  const spans: [number, number][] = [];
  messages.forEach((message, turn) => {
    if (message.role !== 'assistant' || turn < from) return;
    const before = renderPart(template, messages.slice(0, turn), extras, true, turn);
    const after = renderPart(template, messages.slice(0, turn + 1), extras, false, turn);
    if (!after.startsWith(before) || !whole.text.startsWith(after)) throw notPrefix(turn);
    if (after.length > before.length) spans.push([before.length, after.length]);
  });
  return { ...whole, spans };
}

/**
 * Renders prompt and completion; `boundary` is where the completion starts. Throws `template`
 * where the rendered prompt is not a prefix of the whole.
 */
export function renderBoundary(
  template: ChatTemplate,
  prompt: readonly Message[],
  completion: readonly Message[],
  extras: ChatExtras,
): { text: string; boundary: number } {
  const { text } = template.render([...prompt, ...completion], extras);
  const before = template.render(prompt, extras, { addGenerationPrompt: true }).text;
  if (text.startsWith(before)) return { text, boundary: before.length };
  throw new AttuneError(
    'template',
    'the chat template renders the prompt differently when the completion follows, so the two ' +
      `cannot be told apart; ${remedy}`,
  );
}

const remedy =
  'give a template with {% generation %} markers (chat_template_path), or train on every token ' +
  '(assistant_only_loss: false, completion_only_loss: false)';

function renderPart(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  addGenerationPrompt: boolean,
  turn: number,
): string {
  try {
    return template.render(messages, extras, { addGenerationPrompt }).text;
  } catch (error) {
    throw notPrefix(turn, (error as Error).message);
  }
}

function notPrefix(turn: number, reason?: string): AttuneError {
  const cause = reason === undefined ? 'differently once more turns follow' : `not (${reason})`;
  return new AttuneError(
    'template',
    `the chat template renders messages[0..${turn}] ${cause}, so the assistant's text in ` +
      `messages[${turn}] cannot be told apart; ${remedy}`,
  );
}
