/** How alike features are by the weights that make them: what is believed of inputs that are made up. */
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';

/** The rest of every feature is its own: no matrix of likenesses is singular. */
const SHARED = 0.95;

/**
 * Correlations of rectified sums of inputs that are independent and normal: 1 for features of one direction, 0 for those of weights at right
 * angles, negative beyond. With the angle θ between their weights it is `(sin θ + (π − θ) cos θ − 1) / (π − 1)`, the arc-cosine kernel of order
 * 1 about its mean (Cho and Saul, 2009).
 *
 * @param made column j holds the weights that make feature j, shape `[rows, n]`
 * @returns shape `[n, n]`, symmetric and positive definite, with ones on the diagonal
 */
export async function featureLikeness(made: DenseMatrix, engine: MatrixEngine): Promise<DenseMatrix> {
  const { cols: n } = made;
  const { data: products } = await engine.multiply(transpose(made), made);
  const likeness = denseMatrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const norms = Math.sqrt(products[i * n + i]! * products[j * n + j]!);
      const cosine = norms > 0 ? Math.min(1, Math.max(-1, products[i * n + j]! / norms)) : 0;
      const angle = Math.acos(cosine);
      const correlation = (Math.sin(angle) + (Math.PI - angle) * cosine - 1) / (Math.PI - 1);
      likeness.data[i * n + j] = likeness.data[j * n + i] = i === j ? 1 : SHARED * correlation;
    }
  }
  return likeness;
}

/**
 * The same of columns: the nth column of a feature is as like the nth of another as the features are, and unlike all its others.
 *
 * @param places columns of each feature, of n in all
 * @returns shape `[n, n]`; a column of no feature is like none
 */
export function columnLikeness(
  { cols, data }: DenseMatrix,
  places: readonly (readonly number[])[],
  n: number,
): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) result[i * n + i] = 1;
  for (const [i, mine] of places.entries())
    for (const [j, other] of places.entries())
      for (let nth = 0; nth < Math.min(mine.length, other.length); nth++)
        result[mine[nth]! * n + other[nth]!] = data[i * cols + j]!;
  return result;
}
