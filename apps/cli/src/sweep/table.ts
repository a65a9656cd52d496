import { formatTable, percent } from '../terminal/output.js';
import { meanOverSeeds, methodName, type SweepResults } from './results.js';

/** Top-1 accuracy by method over the column reduction ratio, one block per sparsity. */
export function sweepTable(results: SweepResults): string {
  const means = meanOverSeeds([...results.rows, ...(results.references ?? [])]);
  const ratios = [...new Set(means.map(({ ratio }) => ratio))].sort((a, b) => a - b);
  const blocks = [...new Set(means.map(({ sparsity }) => sparsity))].map((sparsity) => {
    const here = means.filter((row) => row.sparsity === sparsity);
    const pruned = results.pruned.find((baseline) => baseline.sparsity === sparsity);
    const rows = [...new Set(here.map(methodName))].map((method) => [
      method,
      pruned ? percent(pruned.top1, 1) : '–',
      ...ratios.map((ratio) => {
        const found = here.find((row) => row.ratio === ratio && methodName(row) === method);
        return found ? percent(found.top1, 1) : '–';
      }),
    ]);
    const title = sparsity === 0 ? 'sparsity as in the model' : `sparsity ${sparsity}`;
    return `${formatTable([title, 'ρ = 0', ...ratios.map((ratio) => `ρ = ${ratio}`)], rows)}`;
  });
  return blocks.join('\n\n');
}
