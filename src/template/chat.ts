import type { Message } from '../data/message.ts';
import type { ChatExtras } from '../data/record.ts';
import { AttuneError } from '../errors.ts';
import { JinjaFailure } from './jinja/failure.ts';
import { JinjaTemplate } from './jinja/template.ts';
import { Text } from './jinja/text.ts';
import { Dict, List, RowValues, type Value } from './jinja/values.ts';
import { Origins } from './origins.ts';
import { flagKeys } from './turns.ts';

/** A rendered conversation, by UTF-16 unit. */
export interface Rendered {
  text: string;
  /** Stretches inside {% generation %} blocks. */
  spans: [number, number][];
  /** Where text of the row stands. */
  origins: Origins;
}

/** Of what the row gives besides its messages. */
const noMessage = -1;

/** A chat template: Jinja as transformers runs it, with the blocks that mark assistant text. */
export class ChatTemplate {
  private readonly template: JinjaTemplate;
  /** One moment for all rows: what is rendered twice must not differ by the date. */
  private readonly now: Date;

  /**
   * `special` are the tokenizer's special tokens by name (bos_token …); `now` is what
   * strftime_now reads. Throws `template` where the source is no template.
   */
  constructor(
    source: string,
    private readonly special: Readonly<Record<string, string>>,
    now: () => Date = () => new Date(),
  ) {
    this.now = now();
    this.template = named(() => new JinjaTemplate(source));
  }

  /** Whether the template marks assistant text itself. */
  get marked(): boolean {
    return this.template.marked;
  }

  /** Renders messages. Throws `template` with the template's own message where it refuses them. */
  render(
    messages: readonly Message[],
    extras: ChatExtras,
    { addGenerationPrompt = false } = {},
  ): Rendered {
    return named(() => {
      const row = new RowValues();
      const variables = new Map<string, Value>();
      for (const [name, value] of Object.entries(this.special))
        variables.set(name, new Text(value));
      for (const [name, value] of Object.entries(extras.variables)) {
        if (value !== undefined) variables.set(name, row.convert(value, noMessage));
      }
      variables.set('messages', new List(messages.map((each, i) => toDict(each, i, row))));
      variables.set('tools', row.convert(extras.tools ?? null, noMessage));
      variables.set('documents', row.convert(extras.documents ?? null, noMessage));
      variables.set('add_generation_prompt', addGenerationPrompt);
      const options = { now: this.now, size: row.size };
      const { text, generated } = this.template.render(variables, options);
      return { text: text.text, spans: generated, origins: new Origins(text.marks) };
    });
  }
}

/** Whether a key of a message speaks to the trainer, not to the template. */
function isFlag(key: string): boolean {
  return (flagKeys as readonly string[]).includes(key);
}

/**
 * A message for the template. Its role counts as the template's own text where it is a plain word:
 * templates build control tokens around it.
 */
function toDict(message: Message, index: number, row: RowValues): Dict {
  const dict = new Dict();
  for (const [key, value] of Object.entries(message)) {
    if (value === undefined || isFlag(key)) continue;
    const word = key === 'role' && typeof value === 'string' && /^[\w.-]*$/.test(value);
    dict.set(new Text(key), word ? new Text(value) : row.convert(value, index));
  }
  return dict;
}

function named<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof JinjaFailure)) throw error;
    throw new AttuneError('template', `chat template: ${error.message}`);
  }
}
