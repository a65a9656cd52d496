import { meanOverSeeds, methodName, type SweepResults } from '@spherize/core/sweep';
import { formatTable, percent } from '../terminal/output.js';
import { sparkline } from '../terminal/sparkline.js';

/**
 * Top-1 accuracy by method over the column reduction ratio, one block per sparsity.
 *
 * @param plots whether each line ends with a plot of its figures, from nothing to all right
 */
export function sweepTable(results: SweepResults, plots = false): string {
  const means = meanOverSeeds([...results.rows, ...(results.references ?? [])]);
  const ratios = [...new Set(means.map(({ ratio }) => ratio))].sort((a, b) => a - b);
  const blocks = [...new Set(means.map(({ sparsity }) => sparsity))].map((sparsity) => {
    const here = means.filter((row) => row.sparsity === sparsity);
    const pruned = results.pruned.find((baseline) => baseline.sparsity === sparsity);
    const rows = [...new Set(here.map(methodName))].map((method) => {
      const own = here.filter((row) => methodName(row) === method);
      const shares = [pruned?.top1, ...ratios.map((ratio) => own.find((row) => row.ratio === ratio)?.top1)];
      const cells = shares.map((share) => (share === undefined ? '–' : percent(share, 1)));
      return [method, ...cells, ...(plots ? [sparkline(shares)] : [])];
    });
    const title = sparsity === 0 ? 'sparsity as in the model' : `sparsity ${sparsity}`;
    return `${formatTable([title, 'ρ = 0', ...ratios.map((ratio) => `ρ = ${ratio}`), ...(plots ? ['plot'] : [])], rows)}`;
  });
  return blocks.join('\n\n');
}
