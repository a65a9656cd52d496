import { type AbstractMatrix, SVD } from 'ml-matrix';
import { invertCholeskyFactor } from '../calibration/cholesky.js';
import {
  asDenseMatrix,
  type DenseMatrix,
  denseMatrix,
  fromMlMatrix,
  toMlMatrix,
  transpose,
} from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { Random } from '../random.js';

/** Rounds of subspace iteration: the error is then within a few per cent of the smallest possible even for flat spectra. */
const ROUNDS = 8;

/**
 * Up to this many rows or columns ml-matrix' decomposition is exact and about as fast: 1.8 ms against 13 ms for a quarter of the rank of
 * 32 × 32, 9 against 19 for 10 × 512; from 64 × 64 on subspace iteration is, 25 ms against 44, 138 against 295 for 128 × 128
 * (`bench/clustering/decompositions.mjs`, a busy machine).
 */
const SMALL = 32;

/** The rank at which two factors hold as many weights as k columns: `r(m + n) ≤ m·k`. */
export function rankForClusters(outputs: number, inputs: number, clusters: number): number {
  return Math.max(1, Math.floor((outputs * clusters) / (outputs + inputs)));
}

/**
 * The truncated singular value decomposition `W ≈ Q(QᵀW)`, exact for small matrices, else by subspace iteration (Halko, Martinsson and
 * Tropp, 2011, doi:10.1137/090771806): what people would otherwise do to a layer, as a line of reference.
 *
 * @param matrix W of shape `[m, n]`, of either kind
 * @returns shape `[m, n]`, of the given rank at most
 */
export async function lowRankApproximation(
  matrix: DenseMatrix | AbstractMatrix,
  rank: number,
  engine: MatrixEngine,
  seed = 0,
): Promise<DenseMatrix> {
  const weights = asDenseMatrix(matrix);
  const smaller = Math.min(weights.rows, weights.cols);
  if (rank >= smaller) return weights;
  if (smaller <= SMALL) return truncated(weights, rank);
  const exponent = exponentOf(weights);
  if (Math.abs(exponent) > ORDINARY) {
    const scaled = await lowRankApproximation(timesPowerOfTwo(weights, -exponent), rank, engine, seed);
    return timesPowerOfTwo(scaled, exponent);
  }
  const random = new Random(seed);
  const turned = transpose(weights);
  const start = denseMatrix(weights.cols, rank);
  for (let p = 0; p < start.data.length; p++) start.data[p] = random.normal();
  let basis = await orthonormal(await engine.multiply(weights, start), engine);
  for (let round = 1; round < ROUNDS; round++) {
    const rows = await orthonormal(await engine.multiply(turned, basis), engine);
    basis = await orthonormal(await engine.multiply(weights, rows), engine);
  }
  return engine.multiply(basis, await engine.multiply(transpose(basis), weights));
}

/** `U_r S_r V_rᵀ` of the largest r singular values, in float64. */
function truncated(weights: DenseMatrix, rank: number): DenseMatrix {
  const { leftSingularVectors, rightSingularVectors, diagonal } = new SVD(toMlMatrix(weights), {
    autoTranspose: true,
  });
  const left = leftSingularVectors
    .subMatrix(0, weights.rows - 1, 0, rank - 1)
    .mulRowVector(diagonal.slice(0, rank));
  const right = rightSingularVectors.subMatrix(0, weights.cols - 1, 0, rank - 1);
  return fromMlMatrix(left.mmul(right.transpose()));
}

/** Up to this exponent of the largest value, products of products stay within float32. */
const ORDINARY = 24;

/** `⌊log₂ max|w|⌋`; 0 for nothing but zeros. */
function exponentOf({ data }: DenseMatrix): number {
  let largest = 0;
  for (const value of data) largest = Math.max(largest, Math.abs(value));
  return largest > 0 ? Math.floor(Math.log2(largest)) : 0;
}

function timesPowerOfTwo({ rows, cols, data }: DenseMatrix, exponent: number): DenseMatrix {
  return denseMatrix(
    rows,
    cols,
    data.map((value) => value * 2 ** exponent),
  );
}

/** Columns made orthonormal by Cholesky's factor of their Gram matrix, twice for the digits that the first time loses. */
async function orthonormal(matrix: DenseMatrix, engine: MatrixEngine): Promise<DenseMatrix> {
  let result = matrix;
  for (let time = 0; time < 2; time++) {
    const r = result.cols;
    const gram = Float64Array.from((await engine.multiply(transpose(result), result)).data);
    let largest = 0;
    for (let i = 0; i < r; i++) largest = Math.max(largest, gram[i * r + i]!);
    for (let i = 0; i < r; i++) gram[i * r + i] = gram[i * r + i]! + 1e-6 * largest;
    // With the diagonal raised above, the factor exists.
    invertCholeskyFactor(gram, r);
    result = await engine.multiply(result, denseMatrix(r, r, Float32Array.from(gram)));
  }
  return result;
}
