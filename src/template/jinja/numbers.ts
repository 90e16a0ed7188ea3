import { fail } from './failure.ts';
import { Float, type Value } from './values.ts';

/** Text of a float as Python's repr: the shortest that reads back, exponents from 1e16 and 1e-5. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const exponent = Number(exponentText);
  const sign = value < 0 ? '-' : '';
  if (exponent >= 16 || exponent < -4) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const plain = digits.replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${plain}`;
  const whole = plain.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${plain.slice(exponent + 1) || '0'}`;
}

/** An integer, refused where JavaScript's numbers are not exact. */
export function exact(value: number): number {
  if (Number.isSafeInteger(value)) return value + 0;
  return fail('an integer beyond 2^53 is not supported');
}

/** Number behind a value that counts as one in Python (booleans do), or null. */
export function numberOf(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.value : null;
}

/** An index, a count: integers and booleans. */
export function integerOf(value: Value, what: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return fail(`${what} must be an integer`);
}

/** `value` with `digits` decimals; ties of the exact value go to the even digit, as in Python. */
export function fixed(value: number, digits: number): string {
  if (digits > 60) fail('more than 60 decimals are not supported');
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size >= 1e21) return `${sign}${BigInt(size)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`;
  const all = size.toFixed(100);
  const point = all.indexOf('.');
  const kept = all.slice(0, digits === 0 ? point : point + 1 + digits);
  const isTie = /^50*$/.test(all.slice(point + 1 + digits));
  return sign + (isTie && Number(kept.at(-1)) % 2 === 0 ? kept : size.toFixed(digits));
}

/** Python's round(value, digits) of a float. */
export function roundNumber(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 22) return value;
  if (digits < 0) fail('rounding to a negative number of digits is not supported');
  return Number(fixed(value, digits));
}
