/** Affine ridge regression from moments: `min E‖y − W z − b‖² + λ‖W − W₀‖²`, with a free b where moments are about the means. */
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { invertPositiveDefinite } from './cholesky.js';
import type { CentredMoments } from './moments.js';

/** W, shape `[m, n]`, and b, m values. */
export interface AffineMap {
  readonly weights: DenseMatrix;
  readonly bias: Float64Array;
}

/** Mean of the diagonal of `zz`: the unit of a ridge's strength. */
export function meanVariance({ zz, meanZ: { length: n } }: CentredMoments): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += zz[i * n + i]!;
  return n > 0 ? sum / n : 0;
}

/**
 * `W = W₀ + (R − W₀ G)(G + λI)⁻¹`, `b = ȳ − W z̄`, in float64.
 *
 * @param start W₀, shape `[m, n]`
 * @returns what solves it at a strength: λ as a multiple of the mean variance of z; infinite: the bias alone. Undefined where the system
 * is singular at this strength
 */
export function affineRidge(
  moments: CentredMoments,
  start: DenseMatrix,
): (strength: number) => AffineMap | undefined {
  const { zz, meanZ, meanY } = moments;
  const [n, m] = [meanZ.length, meanY.length];
  let rest: Float64Array | undefined;
  return (strength) => {
    const weights = denseMatrix(m, n, start.data.slice());
    if (strength !== Number.POSITIVE_INFINITY && n > 0) {
      const lambda = strength * meanVariance(moments);
      if (!(lambda > 0)) return undefined;
      const inverse = zz.slice();
      for (let i = 0; i < n; i++) inverse[i * n + i] = inverse[i * n + i]! + lambda;
      if (!invertPositiveDefinite(inverse, n)) return undefined;
      rest ??= residualMoments(moments, start);
      for (let o = 0; o < m; o++)
        for (let i = 0; i < n; i++)
          weights.data[o * n + i] = start.data[o * n + i]! + dot(inverse, i * n, rest, o * n, n);
    }
    return { weights, bias: biasFor(weights, meanZ, meanY) };
  };
}

/** `R − W₀ G`, shape `[m, n]`. */
function residualMoments({ zz, zy, meanZ, meanY }: CentredMoments, start: DenseMatrix): Float64Array {
  const [n, m] = [meanZ.length, meanY.length];
  const rest = new Float64Array(m * n);
  const row = new Float64Array(n);
  for (let o = 0; o < m; o++) {
    row.set(start.data.subarray(o * n, (o + 1) * n));
    for (let i = 0; i < n; i++) rest[o * n + i] = zy[i * m + o]! - dot(zz, i * n, row, 0, n);
  }
  return rest;
}

function dot(a: Float64Array, from: number, b: Float64Array, start: number, length: number): number {
  let [even, odd] = [0, 0];
  let p = 0;
  for (; p + 1 < length; p += 2) {
    even += a[from + p]! * b[start + p]!;
    odd += a[from + p + 1]! * b[start + p + 1]!;
  }
  return p < length ? even + odd + a[from + p]! * b[start + p]! : even + odd;
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
