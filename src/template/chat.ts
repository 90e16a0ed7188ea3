import { Interpreter, Template } from '@huggingface/jinja';
import type { Message } from '../data/message.ts';
import type { ChatExtras } from '../data/record.ts';
import { AttuneError } from '../errors.ts';
import { makeEnvironment } from './globals.ts';
import { closeMark, cutMarks, hasMarkers, markTemplate, openMark } from './markers.ts';
import { rewriteStrips } from './strip.ts';

/** A rendered conversation; `spans` are the UTF-16 stretches inside {% generation %} blocks. */
export interface Rendered {
  text: string;
  spans: [number, number][];
}

/** A chat template: Jinja as transformers runs it, with the blocks that mark assistant text. */
export class ChatTemplate {
  /** Whether the template marks assistant text itself. */
  readonly marked: boolean;
  private readonly program: Template['parsed'];

  /**
   * `special` are the tokenizer's special tokens by name (bos_token …); `now` is what
   * strftime_now reads. Throws `template` where the source is not Jinja.
   */
  constructor(
    source: string,
    private readonly special: Readonly<Record<string, string>>,
    private readonly now: () => Date = () => new Date(),
  ) {
    this.marked = hasMarkers(source);
    try {
      this.program = new Template(markTemplate(source)).parsed;
      rewriteStrips(this.program);
    } catch (error) {
      throw new AttuneError('template', `chat template: ${(error as Error).message}`);
    }
  }

  /** Renders messages. Throws `template` with the template's own message where it refuses them. */
  render(
    messages: readonly Message[],
    extras: ChatExtras,
    { addGenerationPrompt = false } = {},
  ): Rendered {
    const { tools, documents } = extras;
    const variables = {
      ...this.special,
      ...extras.variables,
      messages,
      tools,
      documents,
      add_generation_prompt: addGenerationPrompt,
    };
    if (this.marked) checkUnmarked(variables);
    let text: unknown;
    try {
      const environment = makeEnvironment(this.now);
      for (const [name, value] of Object.entries(variables)) {
        if (value !== undefined) environment.set(name, value);
      }
      text = new Interpreter(environment).run(this.program).value;
    } catch (error) {
      throw new AttuneError('template', `chat template: ${(error as Error).message}`);
    }
    return this.marked ? cutMarks(String(text)) : { text: String(text), spans: [] };
  }
}

/** The marks are characters that Unicode reserves for such use; text must not hold them. */
function checkUnmarked(variables: unknown): void {
  const text = JSON.stringify(variables);
  if (text.includes(openMark) || text.includes(closeMark)) {
    throw new AttuneError('template', 'the row has U+FDD0 or U+FDD1, which are not characters');
  }
}
