import type { CompressedLayer } from '../compression/compressed-layer.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/**
 * What reaches the centroids: `z_c = Σ_{j : a(j)=c} s_j x_j` for every row x.
 *
 * @param inputs shape `[N, n]`
 * @returns shape `[N, k]`
 */
export function clusterFeatures(layer: CompressedLayer, inputs: DenseMatrix): DenseMatrix {
  const { assignment, scales, centroids } = layer;
  const k = centroids.cols;
  const result = denseMatrix(inputs.rows, k);
  for (let i = 0; i < inputs.rows; i++) {
    const from = i * inputs.cols;
    for (let j = 0; j < assignment.length; j++) {
      const c = assignment[j]!;
      if (c >= 0) result.data[i * k + c] = result.data[i * k + c]! + scales[j]! * inputs.data[from + j]!;
    }
  }
  return result;
}
