/**
 * Units for columns whose inner products float32 cannot hold.
 *
 * A Gram matrix holds products of two weights: of columns around 1e-24 nothing but zeros, of columns around 1e20 nothing but
 * infinities. Such matrices are clustered in other units, `w'_j = 2^(e_j) w_j`. Powers of two change no digit, so what is found
 * is what the same matrix in ordinary units would give.
 */
import { type DenseMatrix, denseMatrix } from './dense-matrix.js';

/** Norms between `2^LOWEST` and `2^HIGHEST` have products that float32 holds, term by term. */
const LOWEST = -56;
const HIGHEST = 63;

/**
 * e_j for the columns of a matrix: the largest norm comes to lie in [1, 2), and norms that are too small beside it, which leave no
 * trace in any sum of squares, are raised into the range.
 *
 * @param squaredNorms n positive values in float64
 * @returns undefined where the columns can stay as they are
 */
export function columnUnits(squaredNorms: Float64Array): Int32Array | undefined {
  const exponents = Int32Array.from(squaredNorms, (square) => Math.floor(Math.log2(square) / 2));
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const exponent of exponents) {
    least = Math.min(least, exponent);
    most = Math.max(most, exponent);
  }
  if (exponents.length === 0 || (least >= LOWEST && most < HIGHEST)) return undefined;
  return exponents.map((exponent) => -most + Math.max(0, LOWEST - (exponent - most)));
}

/** Columns in other units: column j of shape `[m, n]` times `2^(units[j])`. */
export function inUnits({ rows, cols, data }: DenseMatrix, units: Int32Array): DenseMatrix {
  const factors = Float64Array.from(units, (exponent) => 2 ** exponent);
  const result = denseMatrix(rows, cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) result.data[i * cols + j] = data[i * cols + j]! * factors[j]!;
  return result;
}
