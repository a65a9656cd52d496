import { type DenseMatrix, denseMatrix, transpose } from './dense-matrix.js';
import type { Gram } from './gram.js';
import type { MatrixEngine } from './matrix-engine.js';

const FEWEST_ROWS = 16;
const MOST_ROWS = 1024;

/**
 * A Gram matrix that is too large to be held: every block of rows is computed when it is asked for, as
 * `(columns of the block)ᵀ · W`. A pass over all rows costs `2n²m` operations and holds one block.
 *
 * @param columns W of shape `[m, n]`
 * @param diagonal the squared norms of the columns, n values
 * @param budget bytes that a block of rows may take
 */
export function computedGram(
  columns: DenseMatrix,
  diagonal: Float64Array,
  engine: MatrixEngine,
  budget: number,
): Gram {
  const { rows: dimensions, cols: size, data } = columns;
  const fitting = Math.floor(budget / (Float32Array.BYTES_PER_ELEMENT * (size + dimensions)));
  const picked = (indices: Int32Array): DenseMatrix => {
    const result = denseMatrix(indices.length, dimensions);
    for (let i = 0; i < dimensions; i++) {
      for (let p = 0; p < indices.length; p++)
        result.data[p * dimensions + i] = data[i * size + indices[p]!]!;
    }
    return result;
  };
  const product = async (indices: Int32Array): Promise<Float32Array> => {
    const { data: rows } = await engine.multiply(picked(indices), columns);
    for (let p = 0; p < indices.length; p++) rows[p * size + indices[p]!] = diagonal[indices[p]!]!;
    return rows;
  };
  return {
    size,
    diagonal,
    blockRows: Math.min(Math.max(fitting, FEWEST_ROWS), MOST_ROWS),
    rows: (start, end) => product(Int32Array.from({ length: end - start }, (_, i) => start + i)),
    async rowsAt(indices) {
      const rows = await product(indices);
      return (p) => rows.subarray(p * size, (p + 1) * size);
    },
    async at(rowIndices, columnIndices) {
      const { data: part } = await engine.multiply(picked(rowIndices), transpose(picked(columnIndices)));
      const places = new Map(Array.from(columnIndices, (j, q) => [j, q]));
      rowIndices.forEach((j, p) => {
        const q = places.get(j);
        if (q !== undefined) part[p * columnIndices.length + q] = diagonal[j]!;
      });
      return part;
    },
  };
}
