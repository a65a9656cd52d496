import { type DenseMatrix, denseMatrix } from './dense-matrix.js';
import type { MatrixEngine } from './matrix-engine.js';
import { requireInnerDimensions } from './multiply-shapes.js';

const PANEL = 512;

/**
 * Matrix products in plain TypeScript, for wherever no native engine loads. Sums are accumulated in float64, so it is
 * also the reference for the others. Cost: `2npq` operations at about 1 to 2 GFLOP/s.
 */
export const portableEngine: MatrixEngine = {
  name: 'portable',
  native: false,
  async multiply(a: DenseMatrix, b: DenseMatrix): Promise<DenseMatrix> {
    requireInnerDimensions(a, b);
    const result = denseMatrix(a.rows, b.cols);
    const sums = new Float64Array(2 * PANEL);
    for (let left = 0; left < b.cols; left += PANEL) {
      const width = Math.min(PANEL, b.cols - left);
      for (let i = 0; i < a.rows; i += 2) multiplyRowPair(a, b, i, left, width, sums, result.data);
    }
    return result;
  },
};

/** Rows i and i+1 of A times a panel of B. */
function multiplyRowPair(
  a: DenseMatrix,
  b: DenseMatrix,
  i: number,
  left: number,
  width: number,
  sums: Float64Array,
  out: Float32Array,
): void {
  const inner = a.cols;
  const second = i + 1 < a.rows ? i + 1 : i;
  sums.fill(0);
  for (let p = 0; p < inner; p++) {
    const a0 = a.data[i * inner + p]!;
    const a1 = a.data[second * inner + p]!;
    if (a0 === 0 && a1 === 0) continue;
    const row = p * b.cols + left;
    for (let j = 0; j < width; j++) {
      const value = b.data[row + j]!;
      sums[j] = sums[j]! + a0 * value;
      sums[PANEL + j] = sums[PANEL + j]! + a1 * value;
    }
  }
  out.set(sums.subarray(0, width), i * b.cols + left);
  out.set(sums.subarray(PANEL, PANEL + width), second * b.cols + left);
}
