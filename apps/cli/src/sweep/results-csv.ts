import type { SweepResults, SweepRow } from '@spherize/core/sweep';
import { stringify } from 'csv-stringify/sync';

/** The rows as comma-separated values with a header line. */
export function resultsCsv(results: SweepResults): string {
  const columns: (keyof SweepRow)[] = [
    'clusterer',
    'algorithm',
    'sparsity',
    'ratio',
    'calibrated',
    'top1',
    'top5',
    'parameters',
    'seconds',
    'seed',
    'relativeError',
  ];
  return stringify([...results.rows], {
    header: true,
    columns,
    cast: { boolean: String },
  });
}
