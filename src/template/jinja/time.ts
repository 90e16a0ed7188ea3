import { fail } from './failure.ts';

/** Python's time.strftime(format), in English and local time. */
export function formatTime(time: Date, format: string): string {
  return format.replace(/%(-?)([\s\S]|$)/g, (whole, plain: string, letter: string) => {
    const text = directives[letter]?.(time) ?? fail(`strftime: ${whole} is not supported`);
    return plain === '' ? text : text.replace(/^[0 ]+(?=\d)/, '');
  });
}

const two = (value: number): string => String(value).padStart(2, '0');
const name = (time: Date, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-US', options).format(time);

const directives: Record<string, (time: Date) => string> = {
  Y: (time) => String(time.getFullYear()),
  y: (time) => two(time.getFullYear() % 100),
  m: (time) => two(time.getMonth() + 1),
  d: (time) => two(time.getDate()),
  e: (time) => String(time.getDate()).padStart(2, ' '),
  B: (time) => name(time, { month: 'long' }),
  b: (time) => name(time, { month: 'short' }),
  h: (time) => name(time, { month: 'short' }),
  A: (time) => name(time, { weekday: 'long' }),
  a: (time) => name(time, { weekday: 'short' }),
  w: (time) => String(time.getDay()),
  u: (time) => String(time.getDay() || 7),
  H: (time) => two(time.getHours()),
  I: (time) => two(time.getHours() % 12 || 12),
  M: (time) => two(time.getMinutes()),
  S: (time) => two(time.getSeconds()),
  f: (time) => String(time.getMilliseconds() * 1000).padStart(6, '0'),
  p: (time) => (time.getHours() < 12 ? 'AM' : 'PM'),
  j: (time) => String(dayOfYear(time)).padStart(3, '0'),
  F: (time) => formatTime(time, '%Y-%m-%d'),
  T: (time) => formatTime(time, '%H:%M:%S'),
  R: (time) => formatTime(time, '%H:%M'),
  D: (time) => formatTime(time, '%m/%d/%y'),
  '%': () => '%',
};

function dayOfYear(time: Date): number {
  const start = Date.UTC(time.getFullYear(), 0, 0);
  const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((day - start) / 86_400_000);
}
