import { Budget } from './budget.ts';
import { Executor } from './execute.ts';
import { JinjaFailure } from './failure.ts';
import { makeGlobals, TemplateRefusal } from './globals.ts';
import { parseTemplate } from './parser.ts';
import type { Program } from './syntax.ts';
import type { Text } from './text.ts';
import type { Value } from './values.ts';

/** A Jinja template as transformers runs it: Python's Jinja in its immutable sandbox. */
export class JinjaTemplate {
  private readonly program: Program;

  /** Throws JinjaFailure where the source is no template, or needs what is not supported. */
  constructor(source: string) {
    this.program = guarded(() => parseTemplate(source));
  }

  /** Whether the template has {% generation %} blocks. */
  get marked(): boolean {
    return this.program.marked;
  }

  /**
   * Renders with variables, at the time `now`; `size` is the number of characters in the variables,
   * by which the bounds on time and memory grow. `generated` are the stretches of {% generation %}
   * blocks in UTF-16 units. Throws JinjaFailure with the line.
   */
  render(
    variables: ReadonlyMap<string, Value>,
    { now = new Date(), size = 0 } = {},
  ): { text: Text; generated: [number, number][] } {
    const budget = new Budget(size);
    const context = new Map([...makeGlobals(now, budget), ...variables]);
    const executor = new Executor(budget, context);
    try {
      return guarded(() => executor.run(this.program));
    } catch (error) {
      if (error instanceof JinjaFailure && !(error instanceof TemplateRefusal)) {
        error.message = `line ${executor.evaluator.line}: ${error.message}`;
      }
      throw error;
    }
  }
}

/** A stack that ends is a failure of the template, not of the program. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw new JinjaFailure('nested too deeply, or too long');
    throw error;
  }
}
