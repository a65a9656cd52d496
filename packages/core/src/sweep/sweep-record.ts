import type { Baseline, SweepRow } from './results.js';

/** One thing that a sweep has measured. */
export type MeasuredRecord =
  | { readonly kind: 'baseline'; readonly baseline: Baseline }
  | { readonly kind: 'pruned'; readonly sparsity: number; readonly baseline: Baseline }
  /** `setting` is the position in the sweep's list. */
  | { readonly kind: 'row'; readonly setting: number; readonly row: SweepRow };

/** Everything that a sweep has measured. */
export interface SweepContent {
  /** The model as it came. */
  baseline: Baseline | undefined;
  /** The model pruned, by sparsity. */
  readonly pruned: Map<number, Baseline>;
  /** The rows, by position in the list of settings. */
  readonly rows: Map<number, SweepRow>;
}

/** Takes everything that a sweep measures, and is not asked for it again: kept elsewhere, a sweep can go on from it. */
export interface SweepRecord {
  readonly content: SweepContent;
  add(record: MeasuredRecord): Promise<void>;
}

/** Nothing measured yet. */
export function emptyContent(): SweepContent {
  return { baseline: undefined, pruned: new Map(), rows: new Map() };
}

/** Puts a record where it belongs. */
export function keepMeasured(content: SweepContent, record: MeasuredRecord): void {
  if (record.kind === 'baseline') content.baseline = record.baseline;
  else if (record.kind === 'pruned') content.pruned.set(record.sparsity, record.baseline);
  else content.rows.set(record.setting, record.row);
}

/** A record in memory. */
export function memoryRecord(): SweepRecord {
  const content = emptyContent();
  return {
    content,
    async add(record) {
      keepMeasured(content, record);
    },
  };
}
