import type { AbstractMatrix } from 'ml-matrix';
import { InputError } from '../errors.js';
import { asDenseMatrix, type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/** The share of zeros in a matrix, in [0, 1]. */
export function sparsityOf(matrix: DenseMatrix | AbstractMatrix): number {
  const weights = asDenseMatrix(matrix);
  return countZeros(weights.data) / Math.max(1, weights.data.length);
}

/**
 * Magnitude pruning: a copy of W with the `round(sparsity·m·n)` values of smallest magnitude set to zero. Zeros
 * that are there already count, and are never fewer afterwards; among equal magnitudes the first go first.
 *
 * @param matrix W, of either kind
 * @param sparsity the share of zeros wanted, in [0, 1)
 * @returns W itself when it is already that sparse
 * @throws InputError `BAD_ARGUMENT` for a sparsity outside [0, 1)
 */
export function pruneByMagnitude(matrix: DenseMatrix | AbstractMatrix, sparsity: number): DenseMatrix {
  const weights = asDenseMatrix(matrix);
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new InputError('BAD_ARGUMENT', `sparsity: must be in [0, 1), got ${sparsity}`);
  }
  const wanted = Math.round(sparsity * weights.data.length);
  if (countZeros(weights.data) >= wanted) return weights;
  const { threshold, ties } = smallestMagnitudes(weights.data, wanted);
  const data = weights.data.slice();
  let left = ties;
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(data[i]!);
    if (magnitude < threshold || (magnitude === threshold && left-- > 0)) data[i] = 0;
  }
  return denseMatrix(weights.rows, weights.cols, data);
}

function countZeros(values: Float32Array): number {
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  return zeros;
}

/**
 * The magnitude of rank `wanted`, and how many values of exactly that magnitude are among the `wanted` smallest. Magnitudes are
 * ordered by their bit patterns, so two counting passes over 16 bits each find it without sorting.
 */
function smallestMagnitudes(values: Float32Array, wanted: number): { threshold: number; ties: number } {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const high = new Uint32Array(1 << 15);
  for (const pattern of bits) high[(pattern & 0x7fffffff) >>> 16]!++;
  const top = rank(high, wanted);
  const low = new Uint32Array(1 << 16);
  for (const pattern of bits) if ((pattern & 0x7fffffff) >>> 16 === top.bin) low[pattern & 0xffff]!++;
  const bottom = rank(low, top.left);
  const threshold = new Float32Array(Uint32Array.of((top.bin << 16) | bottom.bin).buffer)[0]!;
  return { threshold, ties: bottom.left };
}

/** The bin in which the `wanted`-th value falls, counted from 1, and its rank within the bin. */
function rank(histogram: Uint32Array, wanted: number): { bin: number; left: number } {
  let left = wanted;
  for (let bin = 0; bin < histogram.length; bin++) {
    if (left <= histogram[bin]!) return { bin, left };
    left -= histogram[bin]!;
  }
  return { bin: histogram.length - 1, left };
}
