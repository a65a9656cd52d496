import { type LongRunOptions, Pause } from '../cancellation.js';
import type { GramVectors } from './gram-vectors.js';

/** Vectors that are looked at between two pauses. */
const BLOCK = 64;

/**
 * `G = V·Vᵀ` for sparse vectors (Gustavson's row-wise sparse product, doi:10.1145/355791.355796), lower triangle first.
 *
 * Cost: half the sum over dimensions of the squared number of vectors that are non-zero there.
 *
 * @param vectors V, mostly zeros
 * @param values receives G, shape `[n, n]`, row-major
 */
export async function sparseGram(
  vectors: GramVectors,
  values: Float32Array,
  options: LongRunOptions,
): Promise<void> {
  const { size, dimensions } = vectors;
  const { starts, members, weights } = groupByDimension(vectors);
  // members[starts[i] .. ends[i]) are the vectors up to the current one that are non-zero in dimension i.
  const ends = starts.slice(0, dimensions);
  const sums = new Float64Array(size);
  const pause = new Pause(options.signal);
  for (let start = 0; start < size; start += BLOCK) {
    const { rows: count, data } = vectors.rows(start, Math.min(start + BLOCK, size));
    for (let j = start; j < start + count; j++) {
      sums.fill(0, 0, j + 1);
      const row = (j - start) * dimensions;
      for (let i = 0; i < dimensions; i++) {
        const value = data[row + i]!;
        if (value === 0) continue;
        const end = ++ends[i]!;
        for (let p = starts[i]!; p < end; p++) {
          const l = members[p]!;
          sums[l] = sums[l]! + value * weights[p]!;
        }
      }
      values.set(sums.subarray(0, j + 1), j * size);
    }
    await pause.point();
    options.onProgress?.({ phase: 'gram', done: start, total: size });
  }
  options.onProgress?.({ phase: 'gram', done: size, total: size });
  mirrorLowerTriangle(values, size);
}

/** The non-zeros of V by dimension: a compressed sparse column layout with ascending vector numbers. */
function groupByDimension(vectors: GramVectors): {
  starts: Int32Array;
  members: Int32Array;
  weights: Float32Array;
} {
  const { dimensions } = vectors;
  const starts = new Int32Array(dimensions + 1);
  forNonZeros(vectors, (_, i) => {
    starts[i + 1] = starts[i + 1]! + 1;
  });
  for (let i = 0; i < dimensions; i++) starts[i + 1] = starts[i + 1]! + starts[i]!;
  const members = new Int32Array(starts[dimensions]!);
  const weights = new Float32Array(starts[dimensions]!);
  const next = starts.slice();
  forNonZeros(vectors, (j, i, value) => {
    const p = next[i]!;
    next[i] = p + 1;
    members[p] = j;
    weights[p] = value;
  });
  return { starts, members, weights };
}

/** Visits what is not zero, vector by vector. */
function forNonZeros(vectors: GramVectors, visit: (j: number, i: number, value: number) => void): void {
  const { size, dimensions } = vectors;
  for (let start = 0; start < size; start += BLOCK) {
    const { rows: count, data } = vectors.rows(start, Math.min(start + BLOCK, size));
    for (let j = 0; j < count; j++) {
      for (let i = 0; i < dimensions; i++) {
        const value = data[j * dimensions + i]!;
        if (value !== 0) visit(start + j, i, value);
      }
    }
  }
}

function mirrorLowerTriangle(values: Float32Array, size: number): void {
  const tile = 32;
  for (let top = 0; top < size; top += tile) {
    for (let left = 0; left <= top; left += tile) {
      const bottom = Math.min(top + tile, size);
      for (let i = top; i < bottom; i++) {
        const right = Math.min(left + tile, i);
        for (let j = left; j < right; j++) values[j * size + i] = values[i * size + j]!;
      }
    }
  }
}
