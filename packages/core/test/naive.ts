/** The mathematics once more, with explicit vectors and written for reading: what the fast code is compared with. */
import {
  type DenseMatrix,
  denseMatrix,
  type PreparedColumns,
  portableEngine,
  prepareColumns,
} from '../src/index.js';
import { randomMatrix } from '../src/testing/random-values.js';

export { matrixOfColumns, randomMatrix, randomValues } from '../src/testing/random-values.js';

export type Vector = readonly number[];

export function prepared(weights: DenseMatrix): Promise<PreparedColumns> {
  return prepareColumns(weights, portableEngine);
}

/** Columns in loose groups: neither all alike nor all apart. */
export function groupedMatrix(rows: number, cols: number, groups: number, seed: number): DenseMatrix {
  const centres = randomMatrix(rows, groups, seed);
  const noise = randomMatrix(rows, cols, seed + 1000);
  const result = denseMatrix(rows, cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const size = 0.5 + (j % 4) / 2;
      result.data[i * cols + j] =
        size * (centres.data[i * groups + (j % groups)]! + 0.8 * noise.data[i * cols + j]!);
    }
  }
  return result;
}

export function columnsOf(weights: DenseMatrix): Vector[] {
  return Array.from({ length: weights.cols }, (_, j) =>
    Array.from({ length: weights.rows }, (_, i) => weights.data[i * weights.cols + j]!),
  );
}

export function dot(a: Vector, b: Vector): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

export function scaled(a: Vector, t: number): Vector {
  return a.map((value) => t * value);
}

export function directionsOf(vectors: readonly Vector[]): Vector[] {
  return vectors.map((vector) => scaled(vector, 1 / Math.sqrt(dot(vector, vector))));
}

/** The weighted sums of the members of each cluster. */
function clusterSums(
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
): Vector[] {
  const sums = Array.from({ length: k }, () => vectors[0]!.map(() => 0));
  vectors.forEach((vector, j) => {
    const sum = sums[assignment[j]!]!;
    vector.forEach((value, i) => {
      sum[i] = sum[i]! + weights[j]! * value;
    });
  });
  return sums;
}

/** The mean of each cluster. */
export function means(
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
): Vector[] {
  const totals = clusterSums(
    vectors.map(() => [1]),
    weights,
    assignment,
    k,
  );
  return clusterSums(vectors, weights, assignment, k).map((sum, c) => scaled(sum, 1 / totals[c]![0]!));
}

/** `Σ ω_j ‖w_j − mean‖²`. */
export function inertia(
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
): number {
  const centroids = means(vectors, weights, assignment, k);
  return vectors.reduce(
    (sum, vector, j) => sum + weights[j]! * squaredDistance(vector, centroids[assignment[j]!]!),
    0,
  );
}

/** `Σ ω_j cos(w_j, mean direction)`. */
export function totalCosine(
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
): number {
  const directions = directionsOf(vectors);
  const centroids = directionsOf(clusterSums(directions, weights, assignment, k));
  return directions.reduce((sum, u, j) => sum + weights[j]! * dot(u, centroids[assignment[j]!]!), 0);
}

export function squaredDistance(a: Vector, b: Vector): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}

/** A·B by the definition. */
export function product(a: DenseMatrix, b: DenseMatrix): DenseMatrix {
  const result = denseMatrix(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.cols; j++) {
      let sum = 0;
      for (let p = 0; p < a.cols; p++) sum += a.data[i * a.cols + p]! * b.data[p * b.cols + j]!;
      result.data[i * b.cols + j] = sum;
    }
  }
  return result;
}

/** The largest difference between two sequences of numbers of one length; NaN when anything is NaN. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) return largest;
  }
  return largest;
}
