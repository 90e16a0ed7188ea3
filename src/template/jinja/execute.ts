import type { Budget } from './budget.ts';
import { Evaluator } from './evaluate.ts';
import { fail } from './failure.ts';
import { Frame } from './frame.ts';
import { LoopState } from './loop.ts';
import { makeMacro } from './macro.ts';
import { truth } from './operators.ts';
import { print } from './print.ts';
import { itemsOf } from './sequences.ts';
import type { Loop as LoopSyntax, Program, Scope, Statement, Target } from './syntax.ts';
import { type Text, TextBuilder } from './text.ts';
import { Callable, List, Namespace, type Value } from './values.ts';

/** How a body ended before its end. */
type Leave = 'break' | 'continue' | null;

/** Runs statements. What they print goes to an output. */
export class Executor {
  readonly evaluator: Evaluator;

  constructor(
    private readonly budget: Budget,
    private readonly context: ReadonlyMap<string, Value>,
  ) {
    this.evaluator = new Evaluator(budget);
  }

  /** Renders a program; `generated` are the [start, end) of {% generation %} blocks. */
  run(program: Program): { text: Text; generated: [number, number][] } {
    const output = new Output(this.budget, []);
    this.body(program.body, this.enter(program, null), output);
    return { text: output.take(), generated: output.generated ?? [] };
  }

  /** Enters a scope. */
  enter(scope: Pick<Scope, 'symbols'>, parent: Frame | null): Frame {
    return new Frame(scope.symbols, parent, this.context);
  }

  /** What a body prints, in a frame of its own. */
  capture(body: readonly Statement[], frame: Frame): Text {
    const output = new Output(this.budget, null);
    this.body(body, frame, output);
    return output.take();
  }

  private body(body: readonly Statement[], frame: Frame, output: Output): Leave {
    for (const statement of body) {
      const leave = this.statement(statement, frame, output);
      if (leave !== null) return leave;
    }
    return null;
  }

  private statement(statement: Statement, frame: Frame, output: Output): Leave {
    const { evaluator } = this;
    this.budget.step();
    evaluator.line = statement.line;
    switch (statement.kind) {
      case 'output':
        output.add(statement.value);
        return null;
      case 'print':
        for (const value of statement.values)
          output.add(print(evaluator.evaluate(value, frame), this.budget));
        return null;
      case 'if': {
        const holds = truth(evaluator.evaluate(statement.test, frame));
        return this.body(holds ? statement.body : statement.otherwise, frame, output);
      }
      case 'for': {
        const items = evaluator.evaluate(statement.loop.iterated, frame);
        this.loop(statement.loop, items, frame, output, 1);
        return null;
      }
      case 'break':
      case 'continue':
        return statement.kind;
      case 'set':
        this.assign(statement.target, evaluator.evaluate(statement.value, frame), frame);
        return null;
      case 'capture':
        return this.captured(statement, frame);
      case 'filtered':
        return this.filtered(statement, frame, output);
      case 'macro': {
        const { routine } = statement;
        frame.set(routine.name, makeMacro(this, routine, frame));
        return null;
      }
      case 'call': {
        const { call, routine } = statement;
        if (call.kind !== 'call') return fail('{% call %} needs a call');
        const callee = evaluator.evaluate(call.callee, frame);
        const given = evaluator.given(call.given, frame);
        const named = new Map(given.named).set('caller', makeMacro(this, routine, frame));
        output.add(print(evaluator.call(callee, { list: given.list, named }), this.budget));
        return null;
      }
      case 'with': {
        const values = statement.values.map((value) => evaluator.evaluate(value, frame));
        const inner = this.enter(statement.scope, frame);
        for (const [i, target] of statement.targets.entries()) {
          this.assign(target, values[i] as Value, inner);
        }
        return this.body(statement.scope.body, inner, output);
      }
      case 'generation':
        output.generation(() => {
          this.body(statement.scope.body, this.enter(statement.scope, frame), output);
        });
        return null;
    }
  }

  /** {% set x %}…{% endset %} */
  private captured(
    { scope, filter, target }: Extract<Statement, { kind: 'capture' }>,
    frame: Frame,
  ): Leave {
    const inner = this.enter(scope, frame);
    const output = new Output(this.budget, null);
    const leave = this.body(scope.body, inner, output);
    if (leave !== null) return leave;
    const text = output.take();
    const value = filter === null ? text : this.evaluator.filterBlock(filter, text, inner);
    this.assign(target, value, frame);
    return null;
  }

  private filtered(
    { scope, filter }: Extract<Statement, { kind: 'filtered' }>,
    frame: Frame,
    output: Output,
  ): Leave {
    const inner = this.enter(scope, frame);
    const captured = new Output(this.budget, null);
    const leave = this.body(scope.body, inner, captured);
    if (leave !== null) return leave;
    output.add(print(this.evaluator.filterBlock(filter, captured.take(), inner), this.budget));
    return null;
  }

  private loop(
    loop: LoopSyntax,
    iterated: Value,
    frame: Frame,
    output: Output,
    depth: number,
  ): void {
    const items: Value[] = [];
    for (const value of itemsOf(iterated)) {
      this.budget.step();
      if (loop.test !== null) {
        const inner = this.enter(loop.test, frame);
        this.assign(loop.target, value, inner);
        if (!truth(this.evaluator.evaluate(loop.test.condition, inner))) continue;
      }
      items.push(value);
    }
    const state = new LoopState(items, depth, this.budget);
    const variable = state.variable(loop.recursive ? this.recursion(loop, frame, depth) : null);
    for (const value of items) {
      const inner = this.enter(loop.body, frame);
      inner.set('loop', variable);
      this.assign(loop.target, value, inner);
      if (this.body(loop.body.body, inner, output) === 'break') break;
      state.index++;
    }
    if (items.length === 0 && loop.otherwise !== null) {
      this.body(loop.otherwise.body, this.enter(loop.otherwise, frame), output);
    }
  }

  /** loop(items) in a recursive loop: what the loop prints for them. */
  private recursion(loop: LoopSyntax, frame: Frame, depth: number): Callable {
    return new Callable('loop', ({ list, named }) => {
      const [items] = list;
      if (items === undefined || list.length > 1 || named.size > 0)
        fail('loop() takes one argument');
      return this.budget.nested(() => {
        const output = new Output(this.budget, null);
        this.loop(loop, items, frame, output, depth + 1);
        return output.take();
      });
    });
  }

  private assign(target: Target, value: Value, frame: Frame): void {
    if (target.kind === 'name') {
      frame.set(target.name, value);
    } else if (target.kind === 'namespace') {
      const object = frame.get(target.object);
      if (!(object instanceof Namespace))
        fail(`${target.object} is no namespace, so nothing of it can be set`);
      object.values.set(target.name, value);
    } else {
      const items = new List([...itemsOf(value)]).items;
      if (items.length !== target.items.length) {
        fail(`${items.length} values cannot be unpacked into ${target.items.length} names`);
      }
      for (const [i, each] of target.items.entries()) this.assign(each, items[i] as Value, frame);
    }
  }
}

/** What statements print, and where {% generation %} blocks lie in it. */
class Output {
  private readonly builder = new TextBuilder();
  private inside = false;

  /** `generated` is null where a macro, a block or a loop that calls itself prints. */
  constructor(
    private readonly budget: Budget,
    readonly generated: [number, number][] | null,
  ) {}

  add(text: Text): void {
    this.budget.make(text.text.length);
    this.builder.add(text);
  }

  generation(body: () => void): void {
    if (this.generated === null || this.inside) {
      fail('{% generation %} inside a macro, a captured block or another one has no place to mark');
    }
    const start = this.builder.length;
    this.inside = true;
    body();
    this.inside = false;
    if (this.builder.length > start) this.generated.push([start, this.builder.length]);
  }

  take(): Text {
    return this.builder.take();
  }
}
