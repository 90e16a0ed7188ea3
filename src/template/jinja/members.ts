import { bind } from './arguments.ts';
import { fail } from './failure.ts';
import type { Machine, Method } from './machine.ts';
import { isAttribute, isMutating } from './names.ts';
import { integerOf } from './numbers.ts';
import { equal } from './operators.ts';
import { type Bounds, itemAt, itemsOf, sliceOf } from './sequences.ts';
import { stringMethods } from './strings.ts';
import { Text } from './text.ts';
import {
  Callable,
  Dict,
  DictView,
  Group,
  List,
  Loop,
  Markup,
  Namespace,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import { counted, weight } from './weight.ts';

/** object.name: an attribute of Python's type first, then a key. Missing: Undefined. */
export function attribute(object: Value, name: string, machine: Machine): Value {
  checkOwner(object);
  const own = ownAttribute(object, name, machine);
  if (own !== undefined) return own;
  const found = keyed(object, new Text(name));
  return found === undefined ? new Undefined(`'${typeName(object)}' has no ${name}`) : found;
}

/** object[key]: a key or index first, then an attribute. Missing: Undefined. */
export function item(object: Value, key: Value, machine: Machine): Value {
  checkOwner(object);
  if (object instanceof Text) machine.budget.step(weight(object));
  const found = keyed(object, key);
  if (found !== undefined) return found;
  const own = key instanceof Text ? ownAttribute(object, key.text, machine) : undefined;
  return own === undefined ? new Undefined(`'${typeName(object)}' has no such item`) : own;
}

/** object[start:stop:step]. Throws where the object has no slices. */
export function slice(object: Value, bounds: Bounds, { budget }: Machine): Value {
  // Characters are picked one by one where there is a step.
  budget.step(object instanceof Text && bounds[2] !== null ? object.text.length : weight(object));
  checkOwner(object);
  const found = sliceOf(object, bounds);
  if (found !== undefined) return counted(found, budget);
  return fail(`'${typeName(object)}' has no slices`);
}

function checkOwner(object: Value): void {
  if (object instanceof Undefined) object.fail();
  if (object instanceof Markup) fail('parts of text marked safe are not supported');
}

function keyed(object: Value, key: Value): Value | undefined {
  if (object instanceof Dict) {
    const unhashable = key instanceof List || key instanceof Dict;
    return unhashable ? undefined : object.get(key);
  }
  const indexed =
    object instanceof Text ||
    object instanceof List ||
    object instanceof Tuple ||
    object instanceof Range;
  if (!indexed || !(typeof key === 'number' || typeof key === 'boolean')) return undefined;
  return itemAt(object, Number(key));
}

/** The attribute that Python's type gives, or undefined. */
export function ownAttribute(object: Value, name: string, machine: Machine): Value | undefined {
  if (object instanceof Namespace) return object.values.get(name);
  const type = typeName(object);
  if (name.startsWith('_') || isMutating(type, name)) {
    return name.startsWith('__') || isMutating(type, name)
      ? new Undefined(`access to ${name} of '${type}' is unsafe`)
      : undefined;
  }
  if (object instanceof Loop) return object.member(name);
  if (object instanceof Callable && object.members.has(name)) return object.members.get(name);
  if (object instanceof Group && (name === 'grouper' || name === 'list')) {
    return object.items[name === 'grouper' ? 0 : 1];
  }
  if (object instanceof Range && (name === 'start' || name === 'stop' || name === 'step')) {
    return object[name];
  }
  const method = methodOf(object, name);
  if (method)
    return new Callable(name, (given) => {
      machine.budget.step(weight(object));
      return counted(method(object, given, machine), machine.budget);
    });
  if (isAttribute(type, name)) fail(`'${name}' of '${type}' is not supported`);
  return undefined;
}

function methodOf(object: Value, name: string): Method<Value> | undefined {
  const own = (table: Record<string, unknown>): unknown =>
    Object.hasOwn(table, name) ? table[name] : undefined;
  let method: unknown;
  if (object instanceof Text) method = own(stringMethods);
  else if (object instanceof Dict) method = own(dictMethods);
  else if (object instanceof List || object instanceof Tuple) method = own(sequenceMethods);
  if (name === 'copy' && object instanceof Tuple) return undefined;
  return method as Method<Value> | undefined;
}

const view =
  (kind: 'items' | 'keys' | 'values'): Method<Dict> =>
  (self, given) => {
    bind(kind, given, []);
    return new DictView(kind, self);
  };

const dictMethods: Record<string, Method<Dict>> = {
  items: view('items'),
  keys: view('keys'),
  values: view('values'),
  get: (self, given) => {
    const [key = null, fallback = null] = bind('get', given, [['key'], ['default', null]], {
      positional: true,
    });
    const found = self.get(key);
    return found === undefined ? fallback : found;
  },
  copy: (self, given) => {
    bind('copy', given, []);
    const copy = new Dict();
    for (const [key, value] of self.items()) copy.set(key, value);
    return copy;
  },
};

const sequenceMethods: Record<string, Method<List | Tuple>> = {
  count: (self, given, { budget }) => {
    const [value = null] = bind('count', given, [['value']], { positional: true });
    return self.items.filter((other) => equal(other, value, budget)).length;
  },
  index: (self, given, { budget }) => {
    const parameters = [['value'], ['start', 0]] as const;
    const [value = null, start = 0] = bind('index', given, parameters, { positional: true });
    const from = integerOf(start, 'start');
    const first = from < 0 ? Math.max(0, from + self.items.length) : from;
    const at = self.items.findIndex((other, i) => i >= first && equal(other, value, budget));
    return at < 0 ? fail('the value is not in the list') : at;
  },
  copy: (self, given) => {
    bind('copy', given, []);
    return new List(self.items);
  },
};

/** A namespace: its values are the arguments, and those of a dictionary or of pairs. */
export function makeNamespace({
  list,
  named,
}: {
  list: readonly Value[];
  named: ReadonlyMap<string, Value>;
}): Namespace {
  const namespace = new Namespace();
  const [source] = list;
  if (list.length > 1) fail('namespace takes at most one argument without a name');
  if (source instanceof Dict) {
    for (const [key, value] of source.items()) setNamed(namespace, key, value);
  } else if (source !== undefined) {
    for (const pair of itemsOf(source)) {
      const [key, value, ...more] = itemsOf(pair);
      if (key === undefined || value === undefined || more.length > 0)
        fail('namespace needs pairs');
      setNamed(namespace, key, value);
    }
  }
  for (const [name, value] of named) namespace.values.set(name, value);
  return namespace;
}

function setNamed(namespace: Namespace, key: Value, value: Value): void {
  if (!(key instanceof Text)) fail('namespace names must be strings');
  namespace.values.set(key.text, value);
}
