import type { DenseMatrix } from './dense-matrix.js';

/** `Σ‖y − ȳ‖²` over the rows of all batches. */
export function spread(batches: readonly DenseMatrix[]): number {
  const sums = new Float64Array(batches[0]?.cols ?? 0);
  let squares = 0;
  let rows = 0;
  for (const { data, rows: count } of batches) {
    rows += count;
    for (let p = 0; p < data.length; ) {
      for (let c = 0; c < sums.length; c++, p++) {
        sums[c] = sums[c]! + data[p]!;
        squares += data[p]! * data[p]!;
      }
    }
  }
  return squares - sums.reduce((total, sum) => total + (sum * sum) / rows, 0);
}
