import type { SweepResults } from '@spherize/core/sweep';
import { versions } from '../versions.js';
import type { JournalContent } from './journal.js';

/**
 * The results that journals of one sweep hold together. Rows are in the order of the sweep's settings, whoever measured them
 * and when: an interrupted sweep and a divided one give what a single run gives.
 */
export function resultsOf(journals: readonly JournalContent[]): SweepResults {
  const { identity, samples, layers } = journals[0]!.run;
  const rows = new Map(journals.flatMap((journal) => [...journal.rows]));
  const pruned = new Map(journals.flatMap((journal) => [...journal.pruned]));
  const ordered = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
  return {
    model: String(identity.model),
    data: String(identity.data),
    samples,
    versions: versions(),
    layers,
    baseline: journals.find(({ baseline }) => baseline)!.baseline!,
    pruned: [...new Set(ordered.map(({ sparsity }) => sparsity))].map((sparsity) => ({
      sparsity,
      ...pruned.get(sparsity)!,
    })),
    rows: ordered.filter(({ reference }) => !reference),
    ...(ordered.some(({ reference }) => reference) && {
      references: ordered.filter(({ reference }) => reference),
    }),
  };
}
