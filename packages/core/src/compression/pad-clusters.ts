import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { CompressedLayer } from './compressed-layer.js';

/**
 * Adds clusters of a single column until there are `clusters` of them: first columns that leave a cluster with other members, which brings
 * them back exactly, then columns that were dropped. For layers that ended with fewer clusters than asked for, because columns are
 * all zero or clusters stayed empty.
 *
 * @param weights W of shape `[m, n]`, from which the layer was formed
 * @param clusters from the layer's present number to n
 */
export function padClusters(weights: DenseMatrix, layer: CompressedLayer, clusters: number): CompressedLayer {
  const present = layer.centroids.cols;
  if (clusters <= present) return layer;
  const assignment = layer.assignment.slice();
  const scales = layer.scales.slice();
  const members = new Int32Array(present);
  for (const c of assignment) if (c >= 0) members[c] = members[c]! + 1;
  const alone: number[] = [];
  for (const leaves of [(c: number) => c >= 0 && members[c]! > 1, (c: number) => c < 0]) {
    for (let j = 0; j < weights.cols && present + alone.length < clusters; j++) {
      const c = assignment[j]!;
      if (c >= present || !leaves(c)) continue;
      if (c >= 0) members[c] = members[c]! - 1;
      assignment[j] = present + alone.length;
      scales[j] = 1;
      alone.push(j);
    }
  }
  const centroids = denseMatrix(weights.rows, present + alone.length);
  for (let i = 0; i < weights.rows; i++) {
    centroids.data.set(layer.centroids.data.subarray(i * present, (i + 1) * present), i * centroids.cols);
    alone.forEach((j, p) => {
      centroids.data[i * centroids.cols + present + p] = weights.data[i * weights.cols + j]!;
    });
  }
  return { ...layer, assignment, scales, centroids };
}
