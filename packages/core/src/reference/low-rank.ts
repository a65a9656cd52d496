import { invertCholeskyFactor } from '../calibration/cholesky.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { Random } from '../random.js';

/** Rounds of subspace iteration: the error is then within a few per cent of the smallest possible even for flat spectra. */
const ROUNDS = 8;

/** The rank at which two factors hold as many weights as k columns: `r(m + n) ≤ m·k`. */
export function rankForClusters(outputs: number, inputs: number, clusters: number): number {
  return Math.max(1, Math.floor((outputs * clusters) / (outputs + inputs)));
}

/**
 * The truncated singular value decomposition `W ≈ Q(QᵀW)`, by subspace iteration (Halko, Martinsson and Tropp, 2011,
 * doi:10.1137/090771806): what people would otherwise do to a layer, as a line of reference.
 *
 * @param weights shape `[m, n]`
 * @returns shape `[m, n]`, of the given rank at most
 */
export async function lowRankApproximation(
  weights: DenseMatrix,
  rank: number,
  engine: MatrixEngine,
  seed = 0,
): Promise<DenseMatrix> {
  if (rank >= Math.min(weights.rows, weights.cols)) return weights;
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
