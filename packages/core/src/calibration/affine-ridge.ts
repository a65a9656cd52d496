/** Affine ridge regression from moments: `min E‖y − W z − b‖² + λ tr (W − W₀) K (W − W₀)ᵀ`, with a free b where moments are about the means. */
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { type DoubleMatrix, multiplyDoubles } from '../matrix/double-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { invertByBlocks } from './block-inverse.js';
import type { CentredMoments } from './moments.js';

export interface AffineMap {
  /** W, shape `[m, n]`. */
  readonly weights: DenseMatrix;
  /** b, m values. */
  readonly bias: Float64Array;
  /** `(G + λK)⁻¹`, shape `[n, n]`; undefined where the bias alone was solved for. */
  readonly inverse?: Float64Array;
}

/** Mean of the diagonal of `zz`: the unit of a ridge's strength. */
export function meanVariance({ zz, meanZ: { length: n } }: CentredMoments): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += zz[i * n + i]!;
  return n > 0 ? sum / n : 0;
}

/**
 * `G + λK`, of shape `[n, n]`.
 *
 * @param strength λ as a multiple of the mean variance
 * @param penalty K, symmetric and positive semidefinite. Default: I
 */
export function withRidge(
  moments: CentredMoments,
  strength: number,
  penalty?: ArrayLike<number>,
): Float64Array {
  const { zz, meanZ } = moments;
  const n = meanZ.length;
  const lambda = strength * meanVariance(moments);
  if (penalty !== undefined) return zz.map((value, at) => value + lambda * penalty[at]!);
  const sum = zz.slice();
  for (let i = 0; i < n; i++) sum[i * n + i] = sum[i * n + i]! + lambda;
  return sum;
}

/**
 * `W = W₀ + (R − W₀ G)(G + λK)⁻¹`, `b = ȳ − W z̄`, in float64.
 *
 * @param start W₀, shape `[m, n]`
 * @param penalty K, shape `[n, n]`, symmetric and positive semidefinite. Default: I
 * @returns what solves it at a strength: λ as a multiple of the mean variance of z; infinite: the bias alone. Undefined where the system
 * is singular at this strength
 */
export function affineRidge(
  moments: CentredMoments,
  start: DenseMatrix,
  engine: MatrixEngine,
  penalty?: Float64Array,
): (strength: number) => Promise<AffineMap | undefined> {
  const { meanZ, meanY } = moments;
  const [n, m] = [meanZ.length, meanY.length];
  let rest: DoubleMatrix | undefined;
  return async (strength) => {
    const weights = denseMatrix(m, n, start.data.slice());
    if (strength === Number.POSITIVE_INFINITY || n === 0)
      return { weights, bias: biasFor(weights, meanZ, meanY) };
    if (!(strength * meanVariance(moments) > 0)) return undefined;
    const inverse = withRidge(moments, strength, penalty);
    if (!(await invertByBlocks(inverse, n, engine))) return undefined;
    rest ??= await residualMoments(moments, start, engine);
    const { data } = await multiplyDoubles(engine, rest, { rows: n, cols: n, data: inverse });
    for (let at = 0; at < data.length; at++) weights.data[at] = start.data[at]! + data[at]!;
    return { weights, bias: biasFor(weights, meanZ, meanY), inverse };
  };
}

/** `R − W₀ G`, shape `[m, n]`. */
async function residualMoments(
  { zz, zy, meanZ, meanY }: CentredMoments,
  start: DenseMatrix,
  engine: MatrixEngine,
): Promise<DoubleMatrix> {
  const [n, m] = [meanZ.length, meanY.length];
  const rest = await multiplyDoubles(
    engine,
    { rows: m, cols: n, data: new Float64Array(start.data) },
    { rows: n, cols: n, data: zz },
  );
  for (let o = 0; o < m; o++)
    for (let i = 0; i < n; i++) rest.data[o * n + i] = zy[i * m + o]! - rest.data[o * n + i]!;
  return rest;
}

/** `ȳ − W z̄`. */
function biasFor({ data }: DenseMatrix, meanZ: Float64Array, meanY: Float64Array): Float64Array {
  const n = meanZ.length;
  return meanY.map((mean, o) => {
    let rest = mean;
    for (let i = 0; i < n; i++) rest -= data[o * n + i]! * meanZ[i]!;
    return rest;
  });
}
