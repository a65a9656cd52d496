/**
 * Rounding a layer's weights such that the errors of some columns are made good by others.
 *
 * The outputs of `y = W x` change by `e x` for a row of errors `e = w − ŵ`, on average over the inputs by `e S eᵀ` with `S = E[x xᵀ]`. With
 * `S = L Lᵀ` that is `‖e L‖²`, and component k of `e L` is `L_kk (e_k + Σ_{j>k} e_j L_jk / L_kk)`: from the last column to the first, each step
 * can be chosen nearest to `w_k + Σ_{j>k} e_j L_jk / L_kk`, which makes its component as small as one step allows (Babai's nearest plane). The
 * same numbers come out as when all columns that are still free are moved to make good each error: optimal brain surgeon, one weight after the
 * other; Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
 * doi:10.48550/arXiv.2210.17323, and Frantar & Alistarh, "Optimal Brain Compression", doi:10.48550/arXiv.2208.11580, whose inverse is not needed
 * here.
 */
import { factorize } from '../calibration/cholesky.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { nearestStep } from './rounded-rows.js';

/** Added to the diagonal of S, as a multiple of its mean: inputs that were not seen may be others. */
const RIDGE = 0.01;
/** Columns whose errors reach the others by one product of matrices. */
const BLOCK = 64;

/**
 * Columns with little variance are rounded last, when less is free to make good their errors. Cost: `n³/3 + m·n²/2` multiplications, most of
 * the latter by the engine.
 *
 * @param weights shape `[m, n]`
 * @param moments `E[x xᵀ]`, shape `[n, n]`
 * @param scales one per row
 * @returns steps of the shape of the weights, or undefined where the moments are of no use
 */
export async function compensatedSteps(
  weights: DenseMatrix,
  moments: Float64Array,
  scales: Float32Array,
  most: number,
  engine: MatrixEngine,
): Promise<Int16Array | undefined> {
  const { rows, cols: n, data } = weights;
  const order = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => moments[a * n + a]! - moments[b * n + b]! || a - b,
  );
  const factor = orderedFactor(moments, order);
  if (factor === undefined) return undefined;
  const steps = new Int16Array(rows * n);
  /** `Σ_j e_j L_jk` over the blocks that are done. */
  const carried = new Float32Array(rows * n);
  for (let end = n; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    const width = end - start;
    const errors = denseMatrix(rows, width);
    const within = shares(factor, n, start, width);
    for (let row = 0; row < rows; row++) {
      const scale = scales[row]!;
      const own = row * width;
      for (let k = width - 1; k >= 0; k--) {
        const column = order[start + k]!;
        const wanted = data[row * n + column]!;
        let moved = wanted + carried[row * n + start + k]! / factor[(start + k) * (n + 1)]!;
        for (let j = k + 1; j < width; j++) moved += errors.data[own + j]! * within[k * width + j]!;
        const step = nearestStep(moved / scale, most);
        steps[row * n + column] = step;
        errors.data[own + k] = wanted - step * scale;
      }
    }
    if (start === 0) break;
    const below = denseMatrix(width, start);
    for (let j = 0; j < width; j++)
      for (let k = 0; k < start; k++) below.data[j * start + k] = factor[(start + j) * n + k]!;
    const { data: added } = await engine.multiply(errors, below);
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < start; k++) carried[row * n + k] = carried[row * n + k]! + added[row * start + k]!;
  }
  return steps;
}

/** `L_jk / L_kk` of the columns of a block, at `[k, j]`. */
function shares(factor: Float64Array, n: number, start: number, width: number): Float64Array {
  const result = new Float64Array(width * width);
  for (let k = 0; k < width; k++) {
    const diagonal = factor[(start + k) * (n + 1)]!;
    for (let j = k + 1; j < width; j++)
      result[k * width + j] = factor[(start + j) * n + start + k]! / diagonal;
  }
  return result;
}

/** L of the moments with their rows and columns in this order and the ridge; undefined where they are not finite or all zero. */
function orderedFactor(moments: Float64Array, order: Int32Array): Float64Array | undefined {
  const n = order.length;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += moments[i * n + i]!;
  if (!(trace > 0 && Number.isFinite(trace))) return undefined;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) matrix[i * n + j] = moments[order[i]! * n + order[j]!]!;
    matrix[i * n + i] = matrix[i * n + i]! + (RIDGE * trace) / n;
  }
  return factorize(matrix, n) ? matrix : undefined;
}
