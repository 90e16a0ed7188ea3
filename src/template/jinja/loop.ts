import type { Budget } from './budget.ts';
import { fail } from './failure.ts';
import { equal } from './operators.ts';
import { Callable, type Given, Loop, Undefined, type Value } from './values.ts';

/** Where a loop stands, for its variable `loop`. */
export class LoopState {
  index = 0;
  private seen: readonly Value[] | null = null;

  constructor(
    private readonly items: readonly Value[],
    private readonly depth: number,
    private readonly budget: Budget,
  ) {}

  variable(recurse: Callable | null): Loop {
    return new Loop((name) => this.member(name), recurse);
  }

  private member(name: string): Value | undefined {
    const { index, items, depth } = this;
    switch (name) {
      case 'index':
        return index + 1;
      case 'index0':
        return index;
      case 'revindex':
        return items.length - index;
      case 'revindex0':
        return items.length - index - 1;
      case 'first':
        return index === 0;
      case 'last':
        return index === items.length - 1;
      case 'length':
        return items.length;
      case 'depth':
        return depth;
      case 'depth0':
        return depth - 1;
      case 'previtem':
        return index === 0 ? new Undefined('there is no previous item') : items[index - 1];
      case 'nextitem':
        return index === items.length - 1
          ? new Undefined('there is no next item')
          : items[index + 1];
      case 'cycle':
        return new Callable(name, (given) => this.cycle(given));
      case 'changed':
        return new Callable(name, (given) => this.changed(given));
    }
    return undefined;
  }

  private cycle({ list }: Given): Value {
    if (list.length === 0) fail('no items for cycling given');
    return list[this.index % list.length] as Value;
  }

  private changed({ list }: Given): boolean {
    const { seen } = this;
    const same =
      seen !== null &&
      seen.length === list.length &&
      list.every((value, i) => equal(value, seen[i] as Value, this.budget));
    this.seen = list;
    return !same;
  }
}
