import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { Random } from '../random.js';

/** Standard normal numbers. */
export function randomValues(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

/** A matrix of standard normal numbers. */
export function randomMatrix(rows: number, cols: number, seed: number): DenseMatrix {
  return denseMatrix(rows, cols, randomValues(rows * cols, seed));
}

/** The matrix with these columns, each a list of `rows` numbers. */
export function matrixOfColumns(columns: readonly (readonly number[])[]): DenseMatrix {
  const rows = columns[0]?.length ?? 0;
  const result = denseMatrix(rows, columns.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns.length; j++) result.data[i * columns.length + j] = columns[j]![i]!;
  }
  return result;
}
