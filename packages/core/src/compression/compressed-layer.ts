/** The mathematics of one compressed layer: `W ≈ C·A`, with A the scaled assignment of columns to clusters. */

import type { AbstractMatrix } from 'ml-matrix';
import type { PreparedColumns } from '../clustering/cluster-columns.js';
import type { Clustering } from '../clustering/clusterer.js';
import { asDenseMatrix, type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/** A layer whose column j is `s_j · c_{a(j)}`. */
export interface CompressedLayer {
  /** a(j) in [0, k), or −1 where the column is dropped; n values. */
  readonly assignment: Int32Array;
  /** s_j ≥ 0, n values. */
  readonly scales: Float32Array;
  /** C of shape `[m, k]`: column c is the centroid of cluster c. */
  readonly centroids: DenseMatrix;
  /** The bias that takes the place of the layer's own, m values; only where refitting changed it. */
  readonly bias?: Float32Array;
}

/**
 * Forms the centroids and puts the clustering of the non-zero columns back to the columns' places in W. Empty
 * clusters disappear.
 *
 * @param matrix W of shape `[m, n]`, of either kind, from which the columns were prepared
 */
export function compressedLayer(
  matrix: DenseMatrix | AbstractMatrix,
  columns: PreparedColumns,
  clustering: Clustering,
): CompressedLayer {
  const weights = asDenseMatrix(matrix);
  const assignment = new Int32Array(weights.cols).fill(-1);
  const scales = new Float32Array(weights.cols);
  const coefficients = new Float64Array(weights.cols);
  const { numbers, count } = numberUsedClusters(clustering.assignment);
  if (count === 0) return zeroLayer(weights);
  for (let p = 0; p < columns.count; p++) {
    const c = clustering.assignment[p]!;
    if (c < 0) continue;
    const j = columns.positions[p]!;
    assignment[j] = numbers[c]!;
    scales[j] = clustering.scales[p]!;
    coefficients[j] = clustering.coefficients[p]!;
  }
  return { assignment, scales, centroids: weightedSums(weights, assignment, coefficients, count) };
}

/** A layer of nothing but zeros keeps one column: formats have no matrix without columns. */
function zeroLayer(weights: DenseMatrix): CompressedLayer {
  const assignment = new Int32Array(weights.cols).fill(-1);
  assignment[0] = 0;
  return {
    assignment,
    scales: new Float32Array(weights.cols).fill(1),
    centroids: denseMatrix(weights.rows, 1),
  };
}

/** Every column as a cluster of its own, k = n: the layer as it is. */
export function separateColumns(weights: DenseMatrix): CompressedLayer {
  return {
    assignment: Int32Array.from({ length: weights.cols }, (_, j) => j),
    scales: new Float32Array(weights.cols).fill(1),
    centroids: weights,
  };
}

/** New numbers for the clusters that have members, in the order of their old ones. */
function numberUsedClusters(assignment: Int32Array): { numbers: Int32Array; count: number } {
  let highest = -1;
  for (const c of assignment) if (c > highest) highest = c;
  const numbers = new Int32Array(highest + 1);
  for (const c of assignment) if (c >= 0) numbers[c] = 1;
  let count = 0;
  for (let c = 0; c <= highest; c++) numbers[c] = numbers[c] ? count++ : -1;
  return { numbers, count };
}

/** Column c of the result is `Σ_{j : a(j)=c} coefficient_j · w_j`; shape `[m, k]`. */
function weightedSums(
  weights: DenseMatrix,
  assignment: Int32Array,
  coefficients: Float64Array,
  k: number,
): DenseMatrix {
  const { rows, cols, data } = weights;
  const result = denseMatrix(rows, k);
  const sums = new Float64Array(k);
  for (let i = 0; i < rows; i++) {
    sums.fill(0);
    for (let j = 0; j < cols; j++) {
      const value = data[i * cols + j]!;
      if (value === 0) continue;
      const c = assignment[j]!;
      if (c >= 0) sums[c] = sums[c]! + coefficients[j]! * value;
    }
    result.data.set(sums, i * k);
  }
  return result;
}

/** Ŵ, the matrix that the compressed layer stands for: shape `[m, n]`, column j is `s_j · c_{a(j)}`. */
export function reconstruct(layer: CompressedLayer): DenseMatrix {
  const { assignment, scales, centroids } = layer;
  const result = denseMatrix(centroids.rows, assignment.length);
  for (let i = 0; i < centroids.rows; i++) {
    for (let j = 0; j < assignment.length; j++) {
      const c = assignment[j]!;
      if (c >= 0)
        result.data[i * assignment.length + j] = scales[j]! * centroids.data[i * centroids.cols + c]!;
    }
  }
  return result;
}

/** Of a float64 sum of some thousand terms, relative. */
const ROUNDING = 1e-13;

/**
 * `‖W − Ŵ‖_F / ‖W‖_F`: 0 for a layer that is all zero.
 *
 * With `‖Ŵ‖²` from the centroids' norms, only the weights that are not zero have to be looked at:
 * `‖W − Ŵ‖² = ‖Ŵ‖² + Σ_{w ≠ 0} ((w − ŵ)² − ŵ²)`.
 */
export function relativeError(matrix: DenseMatrix | AbstractMatrix, layer: CompressedLayer): number {
  const { rows, cols, data } = asDenseMatrix(matrix);
  const { assignment, scales, centroids } = layer;
  const shares = new Float64Array(centroids.cols);
  assignment.forEach((c, j) => {
    if (c >= 0) shares[c] = shares[c]! + scales[j]! * scales[j]!;
  });
  let error = 0;
  let norm = 0;
  for (let i = 0; i < rows; i++) {
    const row = i * centroids.cols;
    let here = 0;
    let rowNorm = 0;
    for (let c = 0; c < centroids.cols; c++) here += shares[c]! * centroids.data[row + c]! ** 2;
    for (let j = 0; j < cols; j++) {
      const value = data[i * cols + j]!;
      if (value === 0) continue;
      const c = assignment[j]!;
      const fitted = c < 0 ? 0 : scales[j]! * centroids.data[row + c]!;
      const difference = value - fitted;
      here += difference * difference - fitted * fitted;
      rowNorm += value * value;
    }
    // Less than the rounding of these sums is nothing: equal rows have no error.
    if (here > ROUNDING * rowNorm) error += here;
    norm += rowNorm;
  }
  return norm === 0 ? 0 : Math.sqrt(error / norm);
}

/** The largest `‖w_j − ŵ_j‖ / ‖w_j‖` of a column that is not all zero; 0 where all are. */
export function largestColumnError(weights: DenseMatrix, layer: CompressedLayer): number {
  const { rows, cols, data } = weights;
  const { assignment, scales, centroids } = layer;
  let largest = 0;
  for (let j = 0; j < cols; j++) {
    const c = assignment[j]!;
    let error = 0;
    let norm = 0;
    for (let i = 0; i < rows; i++) {
      const value = data[i * cols + j]!;
      const fitted = c < 0 ? 0 : scales[j]! * centroids.data[i * centroids.cols + c]!;
      error += (value - fitted) ** 2;
      norm += value * value;
    }
    if (norm > 0) largest = Math.max(largest, Math.sqrt(error / norm));
  }
  return largest;
}
