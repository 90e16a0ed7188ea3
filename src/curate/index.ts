/** Curation of rows before training: what leaves, and why. docs/curation.md has the literature. */
export { convert } from './convert.ts';
export type { CurateOptions, CurateReport, LeftRow } from './curate.ts';
export { type DecontaminateOptions, decontaminate } from './decontaminate.ts';
export { type DedupeOptions, dedupe } from './dedupe.ts';
export { type FilterOptions, filter } from './filter.ts';
export { type SelectOptions, select } from './select.ts';
export { type SplitOptions, split } from './split.ts';
