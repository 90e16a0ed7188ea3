import type { Accounting } from '../data/options.ts';
import type { MemoryPlan } from '../native/addon.d.ts';
import type { RunPlan } from './events.ts';
import type { RunMemory } from './memory.ts';

/** 93 → `1m 33s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${Math.floor(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** Bytes as MiB or GiB. */
export function bytes(count: number): string {
  const mebi = count / 2 ** 20;
  return mebi < 1024 ? `${mebi.toFixed(1)} MiB` : `${(mebi / 1024).toFixed(2)} GiB`;
}

export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** Four significant digits, so that a small loss is not 0.00. */
export function short(number: number): string {
  return Number.isFinite(number) ? String(Number(number.toPrecision(4))) : String(number);
}

/**
 * What became of every row: `rows: read 5 = trained 4 + left out 1`, and by reason; `read 5 of 9`
 * where the run ended before the rest was read. `used` is what was done with the rows.
 */
export function accountingLines(accounting: Accounting, used = 'trained'): string[] {
  const { sources, available, read, trained, leftOut, quarantined: bad, truncated } = accounting;
  const { tokens, trainedTokens, rows, fill } = accounting;
  const out = leftOut.reduce((sum, reason) => sum + reason.count, 0);
  const share = tokens > 0 ? Math.round((100 * trainedTokens) / tokens) : 0;
  const apart = bad.count > 0 ? ` + quarantined ${bad.count}` : '';
  const cut = truncated > 0 ? `, ${count(truncated)} truncated` : '';
  const whole = available === null ? ' of a stream' : ` of ${available}`;
  const [of, unit] = read === available ? ['', 'an epoch'] : [whole, 'in them'];
  const weighted = sources.filter(({ weight }) => weight !== 1);
  return [
    ...weighted.map(
      ({ file, rows: all, weight, used: drawn }) =>
        `${file}: ${drawn} of ${all} rows at weight ${weight}`,
    ),
    `rows: read ${read}${of} = ${used} ${trained} + left out ${out}${apart}${cut}`,
    ...leftOut.map(({ reason, count: n, examples }) => {
      const where = examples.length > 0 ? ` (${examples.join(', ')})` : '';
      return `  left out ${n}: ${reason}${where}`;
    }),
    ...(bad.count > 0 ? [`  quarantined ${bad.count}:`] : []),
    ...bad.examples.map((row) => `    ${row}`),
    `  ${count(tokens)} tokens ${unit}, ${share} % of them trained; ${count(rows)} rows, ${(100 * fill).toFixed(1)} % full`,
  ];
}

/** The classes of a memory plan, in the order that people are shown them. */
export const memoryClasses = [
  'weights',
  'adapters',
  'gradients',
  'optimizer',
  'activations',
  'scratch',
  'device',
  'encoders',
  'checkpoint',
] as const satisfies readonly (keyof RunMemory)[];

/** What a run takes of memory, by class. */
export function memoryLine(plan: MemoryPlan & Partial<RunMemory>): string {
  const parts = memoryClasses
    .filter((name) => (plan[name] ?? 0) > 0)
    .map((name) => `${name} ${bytes(plan[name] ?? 0)}`);
  const again = plan.recomputedLayers;
  const recomputed = again > 0 ? `, ${again} layers recomputed` : '';
  return `memory: ${bytes(plan.total)} (${parts.join(', ')})${recomputed}`;
}

export function planLines(plan: RunPlan): string[] {
  const { parameters, trainableParameters } = plan.memory;
  return [
    `model: ${plan.model}, ${plan.family}, ${count(parameters)} parameters`,
    `training: ${plan.method}, ${count(trainableParameters)} parameters, ${plan.dtype} on ${plan.device}, ${count(plan.totalSteps)} steps`,
    memoryLine(plan.memory),
  ];
}
