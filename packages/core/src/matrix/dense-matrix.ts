import { type AbstractMatrix, Matrix } from 'ml-matrix';
import { InputError } from '../errors.js';

/** A dense float32 matrix of shape `[rows, cols]`, row-major: element (i, j) is `data[i * cols + j]`. */
export interface DenseMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array;
}

/**
 * Wraps values as a matrix of shape `[rows, cols]`, without a copy.
 *
 * @param data row-major, `rows * cols` values; zeros when left out
 * @throws InputError `BAD_MATRIX` when the length and the shape disagree
 */
export function denseMatrix(rows: number, cols: number, data?: Float32Array): DenseMatrix {
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(cols) || rows < 0 || cols < 0) {
    throw new InputError('BAD_MATRIX', `matrix: the shape must be two counts, got [${rows}, ${cols}]`);
  }
  const values = data ?? new Float32Array(rows * cols);
  if (values.length !== rows * cols) {
    throw new InputError(
      'BAD_MATRIX',
      `matrix: shape [${rows}, ${cols}] needs ${rows * cols} values, got ${values.length}`,
    );
  }
  return { rows, cols, data: values };
}

/** A copy of any ml-matrix matrix, rounded to float32. */
export function fromMlMatrix(matrix: AbstractMatrix): DenseMatrix {
  const result = denseMatrix(matrix.rows, matrix.columns);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) result.data[i * matrix.columns + j] = matrix.get(i, j);
  }
  return result;
}

/** Accepts either kind of matrix; a `DenseMatrix` is returned as it is. */
export function asDenseMatrix(matrix: DenseMatrix | AbstractMatrix): DenseMatrix {
  return 'data' in matrix && matrix.data instanceof Float32Array
    ? (matrix as DenseMatrix)
    : fromMlMatrix(matrix as AbstractMatrix);
}

/** A copy as an ml-matrix matrix, for its decompositions. */
export function toMlMatrix(matrix: DenseMatrix): Matrix {
  const result = new Matrix(matrix.rows, matrix.cols);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.cols; j++) result.set(i, j, matrix.data[i * matrix.cols + j]!);
  }
  return result;
}

/** The transpose, of shape `[cols, rows]`. */
export function transpose(matrix: DenseMatrix): DenseMatrix {
  return transposeInto(matrix, denseMatrix(matrix.cols, matrix.rows));
}

/** Writes the transpose into a matrix of shape `[cols, rows]` and returns it; by square tiles that fit in the first-level cache. */
export function transposeInto(matrix: DenseMatrix, result: DenseMatrix): DenseMatrix {
  const { rows, cols, data } = matrix;
  const out = result.data;
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < cols; left += tile) {
      const right = Math.min(left + tile, cols);
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) out[j * rows + i] = data[i * cols + j]!;
      }
    }
  }
  return result;
}
