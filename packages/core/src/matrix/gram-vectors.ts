import { type DenseMatrix, denseMatrix, transposeInto } from './dense-matrix.js';

/** The n vectors of m dimensions whose inner products are wanted, in blocks and without a second copy of all of them. */
export interface GramVectors {
  /** n. */
  readonly size: number;
  /** m. */
  readonly dimensions: number;
  /** The squared norms, n values, accumulated in float64. */
  readonly squaredNorms: Float64Array;
  /** The share of values that are not zero. */
  readonly density: number;
  /** Vectors `[start, end)` as rows: shape `[end − start, m]`. The next call overwrites them. */
  rows(start: number, end: number): DenseMatrix;
  /** Vectors `[start, end)` as columns: shape `[m, end − start]`. The next call of either function overwrites them. */
  columns(start: number, end: number): DenseMatrix;
  /** Which of the two costs a transposition. */
  readonly transposed: 'rows' | 'columns';
}

/** @param vectors V of shape `[n, m]` */
export function vectorsInRows(vectors: DenseMatrix): GramVectors {
  const { rows: size, cols: dimensions, data } = vectors;
  const squaredNorms = new Float64Array(size);
  let nonZeros = 0;
  for (let j = 0; j < size; j++) {
    let sum = 0;
    for (let i = j * dimensions; i < (j + 1) * dimensions; i++) {
      if (data[i] !== 0) nonZeros++;
      sum += data[i]! * data[i]!;
    }
    squaredNorms[j] = sum;
  }
  const scratch = new Scratch();
  const rows = (start: number, end: number): DenseMatrix =>
    denseMatrix(end - start, dimensions, data.subarray(start * dimensions, end * dimensions));
  return {
    size,
    dimensions,
    squaredNorms,
    density: nonZeros / Math.max(1, data.length),
    rows,
    columns: (start, end) => transposeInto(rows(start, end), scratch.matrix(dimensions, end - start)),
    transposed: 'columns',
  };
}

/**
 * @param matrix W of shape `[m, total]`
 * @param positions the columns of W that are the vectors, ascending; all others are zero
 * @param squaredNorms of those columns
 */
export function vectorsInColumns(
  matrix: DenseMatrix,
  positions: Int32Array,
  squaredNorms: Float64Array,
): GramVectors {
  const { rows: dimensions, cols: total, data } = matrix;
  let nonZeros = 0;
  for (const value of data) if (value !== 0) nonZeros++;
  const [forRows, forColumns] = [new Scratch(), new Scratch()];
  const columns = (start: number, end: number): DenseMatrix => {
    const block = forColumns.matrix(dimensions, end - start);
    const width = end - start;
    const first = positions[start] ?? 0;
    if (width > 0 && positions[end - 1]! - first === width - 1) {
      for (let i = 0; i < dimensions; i++) {
        const from = i * total + first;
        block.data.set(data.subarray(from, from + width), i * width);
      }
      return block;
    }
    for (let i = 0; i < dimensions; i++) {
      for (let p = 0; p < width; p++) block.data[i * width + p] = data[i * total + positions[start + p]!]!;
    }
    return block;
  };
  return {
    size: positions.length,
    dimensions,
    squaredNorms,
    density: nonZeros / Math.max(1, positions.length * dimensions),
    rows: (start, end) => transposeInto(columns(start, end), forRows.matrix(end - start, dimensions)),
    columns,
    transposed: 'rows',
  };
}

/** Memory that one block after the other is written to: left to the garbage collector, a matrix would pile up. */
class Scratch {
  #values = new Float32Array(0);

  matrix(rows: number, cols: number): DenseMatrix {
    if (this.#values.length < rows * cols) this.#values = new Float32Array(rows * cols);
    return denseMatrix(rows, cols, this.#values.subarray(0, rows * cols));
  }
}
