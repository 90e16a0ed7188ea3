import type { Message } from '../data/message.ts';
import type { ChatExtras, DataRecord, Place, TokensRecord } from '../data/record.ts';
import { AttuneError, RowError } from '../errors.ts';
import type { ChatTemplate, Rendered } from './chat.ts';
import { type FindControls, type TrainOnEos, TurnEnds } from './ends.ts';
import { renderBoundary, renderTurns, type Stretch } from './spans.ts';
import { refuseFlags, type TurnRules, trainedTurns } from './turns.ts';

/** [start, end, trained] in UTF-16 units. */
export type Span = [number, number, boolean];

/**
 * The text of a row and which parts of it are trained. `spans` cover the text in order. Templates
 * print their own special tokens; other text gets those that the tokenizer adds.
 */
export interface Segments {
  text: string;
  spans: Span[];
  addSpecialTokens: boolean;
  /** Tells text of messages, in which control tokens are plain text; null: there is none. */
  isPlain: ((start: number, end: number) => boolean) | null;
}

export interface SegmentOptions extends TurnRules {
  trainOnEos: TrainOnEos;
  findControls: FindControls;
  /** End of sequence, appended to text and completions; null where the tokenizer has none. */
  eos: string | null;
  template: ChatTemplate | null;
  completionOnlyLoss: boolean | null;
  assistantOnlyLoss: boolean | null;
}

/**
 * Text: all of it, ending in EOS. Prompt and completion: joined as they are, the completion ending
 * in EOS and trained. Conversations: rendered by the chat template, the assistant's turns trained;
 * of prompt and completion messages, those in the completion. Throws RowError, and `config` for
 * settings that do not fit the shape.
 */
export function toSegments(
  record: Exclude<DataRecord, TokensRecord>,
  options: SegmentOptions,
  place: Place,
): Segments {
  try {
    const segments = segment(record, options);
    if (/\p{Surrogate}/u.test(segments.text)) {
      throw new AttuneError('data', 'the text has half of a surrogate pair, which is no character');
    }
    return segments;
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    const { code, message } = error;
    if (code === 'config') throw new AttuneError(code, `${place.file}:${place.line}: ${message}`);
    throw new RowError(place.file, place.line, message, code);
  }
}

function segment(record: Exclude<DataRecord, TokensRecord>, options: SegmentOptions): Segments {
  switch (record.shape) {
    case 'text': {
      refuse(options.assistantOnlyLoss, 'assistant_only_loss', 'conversations');
      refuse(options.completionOnlyLoss, 'completion_only_loss', 'rows with a completion');
      const text = ended(record.text, options.eos);
      return plainSegments(text, 0);
    }
    case 'prompt and completion': {
      refuse(options.assistantOnlyLoss, 'assistant_only_loss', 'conversations');
      const text = record.prompt + ended(record.completion, options.eos);
      const from = options.completionOnlyLoss === false ? 0 : record.prompt.length;
      return plainSegments(text, from);
    }
    case 'messages':
      return conversation(record, options);
    case 'prompt and completion messages':
      return conversationalCompletion(record, options);
  }
}

/** Text that is trained from `from` on. */
function plainSegments(text: string, from: number): Segments {
  const spans = cover(text.length, [[from, text.length]]);
  return { text, spans, addSpecialTokens: true, isPlain: null };
}

function conversation(
  { messages, extras }: Extract<DataRecord, { shape: 'messages' }>,
  options: SegmentOptions,
): Segments {
  const template = theTemplate(options);
  if (options.assistantOnlyLoss === false) {
    refuseFlags(messages);
    const rendered = template.render(messages, extras);
    return chatSegments(rendered, [[0, rendered.text.length]]);
  }
  return turnSegments(template, messages, extras, options, 0, 0);
}

function conversationalCompletion(
  record: Extract<DataRecord, { shape: 'prompt and completion messages' }>,
  options: SegmentOptions,
): Segments {
  const { prompt, completion, extras } = record;
  const template = theTemplate(options);
  const messages = [...prompt, ...completion];
  const completionOnly = options.completionOnlyLoss !== false;
  if (options.assistantOnlyLoss === false) refuseFlags(messages);
  if (!completionOnly) return conversation({ shape: 'messages', messages, extras }, options);
  const { rendered, boundary } = renderBoundary(template, prompt, completion, extras);
  if (options.assistantOnlyLoss === false) {
    return chatSegments(rendered, [[boundary, rendered.text.length]]);
  }
  return turnSegments(template, messages, extras, options, prompt.length, boundary);
}

/** Trains turns from message `from` on, and nothing before `boundary`. */
function turnSegments(
  template: ChatTemplate,
  messages: readonly Message[],
  extras: ChatExtras,
  options: SegmentOptions,
  from: number,
  boundary: number,
): Segments {
  const turns = trainedTurns(messages, options, from);
  const { rendered, stretches } = renderTurns(template, messages, extras, turns);
  const inside = stretches
    .map(([start, end]): Stretch => [Math.max(start, boundary), end])
    .filter(([start, end]) => start < end);
  const ends = new TurnEnds(rendered, options.eos, options.findControls);
  if (options.trainOnEos !== 'none') ends.check(inside, (i) => messages[i]?.role === 'assistant');
  return chatSegments(rendered, ends.apply(inside, options.trainOnEos));
}

function chatSegments({ text, origins }: Rendered, trained: readonly Stretch[]): Segments {
  return {
    text,
    spans: cover(text.length, trained),
    addSpecialTokens: false,
    isPlain: (start, end) => origins.touches(start, end),
  };
}

function theTemplate({ template }: SegmentOptions): ChatTemplate {
  if (template !== null) return template;
  throw new AttuneError(
    'template',
    'a conversation needs a chat template and the tokenizer has none: give one with chat_template or chat_template_path',
  );
}

function refuse(asked: boolean | null, key: string, needs: string): void {
  if (asked === true) throw new AttuneError('data', `${key} needs ${needs}; this row has none`);
}

function ended(text: string, eos: string | null): string {
  if (eos === null) {
    throw new AttuneError(
      'tokenizer',
      'the tokenizer has no EOS token to end the text with: set eos_token in tokenizer_config.json',
    );
  }
  return text.endsWith(eos) ? text : text + eos;
}

/** Fills the gaps between trained stretches; empty ones vanish. */
function cover(length: number, trained: readonly [number, number][]): Span[] {
  const spans: Span[] = [];
  let done = 0;
  for (const [start, end] of trained) {
    if (start > done) spans.push([done, start, false]);
    const last = spans.at(-1);
    if (last?.[2] && start <= done) last[1] = end;
    else if (end > start) spans.push([start, end, true]);
    done = Math.max(done, end);
  }
  if (done < length) spans.push([done, length, false]);
  return spans;
}
