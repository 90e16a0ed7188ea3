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
    switch (name) {
      case 'index':
        return this.index + 1;
      case 'index0':
        return this.index;
      case 'revindex':
        return this.items.length - this.index;
      case 'revindex0':
        return this.items.length - this.index - 1;
      case 'first':
        return this.index === 0;
      case 'last':
        return this.index === this.items.length - 1;
      case 'length':
        return this.items.length;
      case 'depth':
        return this.depth;
      case 'depth0':
        return this.depth - 1;
      case 'previtem':
        return this.index === 0
          ? new Undefined('there is no previous item')
          : this.items[this.index - 1];
      case 'nextitem':
        return this.index === this.items.length - 1
          ? new Undefined('there is no next item')
          : this.items[this.index + 1];
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
    const same =
      this.seen?.length === list.length &&
      list.every((value, i) => equal(value, this.seen?.[i] as Value, this.budget));
    this.seen = list;
    return !same;
  }
}
