import { Environment } from '@huggingface/jinja';
import { TemplateRefusal } from './refusal.ts';
import { stripGlobals } from './strip.ts';

/**
 * Globals of a chat template, as transformers gives them. The library's own strftime_now follows
 * the machine's locale; Python's writes English.
 */
export function makeEnvironment(now: () => Date): Environment {
  const environment = new Environment();
  for (const name of ['true', 'True']) environment.set(name, true);
  for (const name of ['false', 'False']) environment.set(name, false);
  for (const name of ['none', 'None']) environment.set(name, null);
  environment.set('range', range);
  for (const [name, strip] of Object.entries(stripGlobals)) environment.set(name, strip);
  environment.set('raise_exception', (message: unknown) => {
    throw new TemplateRefusal(String(message));
  });
  environment.set('strftime_now', (format: unknown) => formatTime(now(), String(format)));
  return environment;
}

function range(first: number, second?: number, step = 1): number[] {
  const [from, to] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new TemplateRefusal('range() with step 0');
  const numbers: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) numbers.push(i);
  return numbers;
}

function formatTime(time: Date, format: string): string {
  const name = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-US', options).format(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return format.replace(/%([YymdeBbAaHIMSpj%])/g, (_, letter: string) => {
    switch (letter) {
      case 'Y':
        return String(time.getFullYear());
      case 'y':
        return two(time.getFullYear() % 100);
      case 'm':
        return two(time.getMonth() + 1);
      case 'd':
        return two(time.getDate());
      case 'e':
        return String(time.getDate()).padStart(2, ' ');
      case 'B':
        return name({ month: 'long' });
      case 'b':
        return name({ month: 'short' });
      case 'A':
        return name({ weekday: 'long' });
      case 'a':
        return name({ weekday: 'short' });
      case 'H':
        return two(time.getHours());
      case 'I':
        return two(time.getHours() % 12 || 12);
      case 'M':
        return two(time.getMinutes());
      case 'S':
        return two(time.getSeconds());
      case 'p':
        return time.getHours() < 12 ? 'AM' : 'PM';
      case 'j':
        return String(dayOfYear(time)).padStart(3, '0');
      default:
        return '%';
    }
  });
}

function dayOfYear(time: Date): number {
  const start = Date.UTC(time.getFullYear(), 0, 0);
  const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((day - start) / 86_400_000);
}
