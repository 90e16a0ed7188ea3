import type { Message } from '../data/message.ts';
import type { ChatExtras } from '../data/record.ts';
import { AttuneError } from '../errors.ts';
import type { ChatTemplate, Rendered } from './chat.ts';
import { markedStretches } from './marked.ts';
import type { Origins } from './origins.ts';

/** [start, end) of trained text, in UTF-16 units. */
export type Stretch = [number, number];

/**
 * Renders a conversation with the stretches of `turns`, in order: those of the assistant from the
 * template's {% generation %} blocks where it has them, the others from rendering turn by turn,
 * where what comes before a turn must be a prefix of what comes with it, and both of the whole. An
 * assistant's stretch starts behind the generation prompt, another's at its own text; both go on to
 * the end of the turn. Throws `template` where a stretch cannot be told, or has text of a turn that
 * is not trained.
 */
export function renderTurns(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  turns: readonly number[],
): { rendered: Rendered; stretches: Stretch[] } {
  const rendered = template.render(messages, extras);
  const { origins } = rendered;
  const trained = new Set(turns);
  const marked = template.marked ? markedStretches(rendered, messages, trained) : [];
  const others = turns
    .filter((turn) => !template.marked || messages[turn]?.role !== 'assistant')
    .map((turn) => prefixStretch(template, messages, extras, turn, rendered.text, origins))
    .filter(([start, end]) => end > start);
  for (const [start, end] of others) {
    const foreign = origins.messages(start, end).find((message) => !trained.has(message));
    if (foreign === undefined) continue;
    throw new AttuneError(
      'template',
      `the chat template puts text of messages[${foreign}], which is not trained, into a turn that is; ${remedy}`,
    );
  }
  return { rendered, stretches: [...marked, ...others].sort(([a], [b]) => a - b) };
}

function prefixStretch(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  turn: number,
  whole: string,
  origins: Origins,
): Stretch {
  const isAssistant = messages[turn]?.role === 'assistant';
  const before = renderPart(template, messages.slice(0, turn), extras, isAssistant, turn);
  const after = renderPart(template, messages.slice(0, turn + 1), extras, false, turn);
  if (!after.startsWith(before) || !whole.startsWith(after)) throw notPrefix(turn);
  const [start, end] = [before.length, after.length];
  return isAssistant ? [start, end] : [origins.firstOf(turn, start, end) ?? end, end];
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
): { rendered: Rendered; boundary: number } {
  const rendered = template.render([...prompt, ...completion], extras);
  const before = template.render(prompt, extras, { addGenerationPrompt: true }).text;
  if (rendered.text.startsWith(before)) return { rendered, boundary: before.length };
  throw new AttuneError(
    'template',
    'the chat template renders the prompt differently when the completion follows, so the two ' +
      `cannot be told apart; ${remedy}`,
  );
}

const remedy =
  'give a template with {% generation %} markers (chat_template, chat_template_path), train on the ' +
  'last turn alone (mask_history: true) or on every token (assistant_only_loss: false, ' +
  'completion_only_loss: false)';

function renderPart(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  addGenerationPrompt: boolean,
  turn: number,
): string {
  if (messages.length === 0 && !addGenerationPrompt) return '';
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
    `the chat template renders messages[0..${turn}] ${cause}, so the text of ` +
      `messages[${turn}] cannot be told apart; ${remedy}`,
  );
}
