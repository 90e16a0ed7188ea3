import type { Budget } from './budget.ts';
import { Text, TextBuilder } from './text.ts';

/** Counts what it writes: a small value that holds another one many times can be long in text. */
export class Writer {
  private readonly builder = new TextBuilder();

  constructor(private readonly budget: Budget) {}

  add(text: Text): void {
    this.budget.step(4);
    this.budget.make(text.text.length);
    this.builder.add(text);
  }

  /** Adds text that is not the row's. */
  template(text: string): void {
    this.add(new Text(text));
  }

  take(): Text {
    return this.builder.take();
  }
}
