import type { Budget } from './budget.ts';
import type { Given, Value } from './values.ts';

/** What filters, tests and methods may use while a template is rendered. */
export interface Machine {
  readonly budget: Budget;
  /** Runs a filter by name. */
  filter(name: string, input: Value, given: Given): Value;
  /** Runs a test by name. */
  test(name: string, input: Value, given: Given): boolean;
}

/** A method of a type: of `self`, with the arguments given. */
export type Method<T> = (self: T, given: Given, machine: Machine) => Value;

export const nothing: Given = { list: [], named: new Map() };
