import type { Budget } from './budget.ts';
import { Text } from './text.ts';
import { Dict, List, Tuple, type Value } from './values.ts';

/** Steps that going through a value takes. */
export function weight(value: Value): number {
  if (value instanceof Text) return Math.ceil(value.text.length / 64);
  if (value instanceof List || value instanceof Tuple) return value.items.length;
  return value instanceof Dict ? value.size : 0;
}

/** A result, counted as made. */
export function counted(value: Value, budget: Budget): Value {
  if (value instanceof Text) budget.make(value.text.length);
  else if (value instanceof List || value instanceof Tuple) budget.makeItems(value.items.length);
  return value;
}
