import * as v from 'valibot';
import type { DataFile } from '../data/options.ts';

/** What a key may hold: the check, how a message names it, and how a flag's text becomes a value. */
export interface Kind<T> {
  expected: string;
  check: v.GenericSchema<unknown, T>;
  fromText(text: string): unknown;
  /** A flag takes every word up to the next flag. */
  many?: boolean;
}

const asIs = (text: string): unknown => text;
const asNumber = (text: string): unknown => (/^[-+.\d]/.test(text) ? Number(text) : text);
const asBoolean = (text: string): unknown =>
  text === 'true' ? true : text === 'false' ? false : text;
const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);

export const text: Kind<string> = {
  expected: 'text',
  check: v.pipe(v.string(), v.nonEmpty()),
  fromText: asIs,
};

export const truth: Kind<boolean> = {
  expected: 'true or false',
  check: v.boolean(),
  fromText: asBoolean,
};

/** One path or several. */
export const paths: Kind<readonly string[]> = {
  expected: 'a path or a list of paths',
  check: v.pipe(
    v.union([text.check, v.pipe(v.array(text.check), v.minLength(1))]),
    v.transform((value) => (typeof value === 'string' ? [value] : value)),
  ),
  fromText: asIs,
  many: true,
};

const dataFile = v.union([
  text.check,
  v.strictObject({ path: text.check, weight: v.pipe(v.number(), v.finite(), v.gtValue(0)) }),
]);

/** Data files; each may have a weight. */
export const files: Kind<readonly DataFile[]> = {
  expected: 'a path, {path, weight}, or a list of them',
  check: v.pipe(
    v.union([dataFile, v.pipe(v.array(dataFile), v.minLength(1))]),
    v.transform((value): readonly DataFile[] => (Array.isArray(value) ? value : [value])),
  ),
  fromText: asIs,
  many: true,
};

/** One name or several; a flag takes them apart at commas. */
export const names: Kind<readonly string[]> = {
  expected: 'a name or a list of names',
  check: v.pipe(
    v.union([text.check, v.pipe(v.array(text.check), v.minLength(1))]),
    v.transform((value): readonly string[] => (typeof value === 'string' ? [value] : value)),
  ),
  fromText: (given) => (given.includes(',') ? given.split(',').map((name) => name.trim()) : given),
  many: true,
};

/** Names, or one word that stands for all of them. */
export const targets: Kind<readonly string[] | 'all-linear'> = {
  expected: 'all-linear or a list of module names',
  check: v.pipe(
    v.union([text.check, v.pipe(v.array(text.check), v.minLength(1))]),
    v.transform((value): readonly string[] | 'all-linear' => {
      const names = typeof value === 'string' ? [value] : value;
      return names.length === 1 && names[0] === 'all-linear' ? 'all-linear' : names;
    }),
  ),
  fromText: (given) => (given.includes(',') ? given.split(',').map((name) => name.trim()) : given),
  many: true,
};

/** Any number that passes the test. */
export function number(expected: string, test: (value: number) => boolean): Kind<number> {
  return {
    expected,
    check: v.custom<number>((value) => isNumber(value) && test(value)),
    fromText: asNumber,
  };
}

export function integer(least: number): Kind<number> {
  const expected = least === 0 ? 'an integer of 0 or more' : `an integer of ${least} or more`;
  return number(expected, (value) => Number.isSafeInteger(value) && value >= least);
}

/** A count of steps, or a share of the run where it is below 1. */
export const steps: Kind<number> = number(
  'a number of steps, or a share of the run between 0 and 1',
  (value) => value > 0 && (value < 1 || Number.isSafeInteger(value)),
);

/** The same, or 0. */
export const stepsOrNone: Kind<number> = number(
  'a number of steps, 0, or a share of the run between 0 and 1',
  (value) => value === 0 || v.is(steps.check, value),
);

export function choice<const T extends string>(...names: T[]): Kind<T> {
  return {
    expected: `one of ${names.join(', ')}`,
    check: v.picklist(names),
    fromText: asIs,
  };
}

/** A device by name. */
export const device: Kind<string> = {
  expected: 'auto, cpu, cuda or cuda:N',
  check: v.pipe(v.string(), v.regex(/^(auto|cpu|cuda(:\d+)?)$/)),
  fromText: asIs,
};

/** `false`, or one of the names. */
export function falseOr<const T extends string>(...names: T[]): Kind<false | T> {
  return {
    expected: `false or one of ${names.join(', ')}`,
    check: v.union([v.literal(false), v.picklist(names)]),
    fromText: asBoolean,
  };
}

/** A flat object; a flag takes it as JSON. */
export const settings: Kind<Readonly<Record<string, unknown>>> = {
  expected: 'an object',
  check: v.record(v.string(), v.unknown()),
  fromText(given) {
    try {
      return JSON.parse(given);
    } catch {
      return given;
    }
  },
};

/** The same, or null. */
export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    expected: `${kind.expected}, or null`,
    check: v.nullable(kind.check),
    fromText: (given) => (given === 'null' || given === 'none' ? null : kind.fromText(given)),
  };
}
