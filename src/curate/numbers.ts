import { AttuneError } from '../errors.ts';

/** What a number must be. */
export interface NumberRange {
  least?: number;
  above?: number;
  most?: number;
  below?: number;
  whole?: boolean;
}

/** The number of an option, or its default where it is not given. Throws `config`. */
export function checkNumber<K extends string>(
  options: { readonly [key in K]?: number | undefined },
  name: K,
  otherwise: number,
  range: NumberRange,
): number {
  const value = options[name] ?? otherwise;
  const {
    least = Number.NEGATIVE_INFINITY,
    above = Number.NEGATIVE_INFINITY,
    most = Number.POSITIVE_INFINITY,
    below = Number.POSITIVE_INFINITY,
  } = range;
  const isRight =
    typeof value === 'number' && value >= least && value > above && value <= most && value < below;
  if (isRight && (!range.whole || Number.isSafeInteger(value))) return value;
  throw new AttuneError(
    'config',
    `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}: expected ${expected(range)}, and got ${JSON.stringify(value)}`,
  );
}

function expected({ least, above, most, below, whole }: NumberRange): string {
  const bounds = [
    least === undefined ? '' : `at least ${least}`,
    above === undefined ? '' : `above ${above}`,
    most === undefined ? '' : `at most ${most}`,
    below === undefined ? '' : `below ${below}`,
  ].filter((bound) => bound !== '');
  return [whole ? 'a whole number' : 'a number', bounds.join(' and ')].join(' ').trim();
}
