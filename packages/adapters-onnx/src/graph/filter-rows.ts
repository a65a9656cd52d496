/** Filters as a convolution stores them, and as the rows `[outputs·span, inputs]` of a matrix over channels. */
import { type DenseMatrix, denseMatrix } from '@spherize/core';

/** @param back whether they are those of a transposed convolution: `[inputs, outputs, …]` instead of `[outputs, inputs, …]` */
export function rowsOfFilters(
  values: Float32Array,
  outputs: number,
  inputs: number,
  span: number,
  back = false,
): DenseMatrix {
  const matrix = denseMatrix(outputs * span, inputs);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      const from = (back ? c * outputs + o : o * inputs + c) * span;
      for (let s = 0; s < span; s++) matrix.data[(o * span + s) * inputs + c] = values[from + s]!;
    }
  }
  return matrix;
}

/** The values of the filters that these rows are; `back` as above. */
export function filtersOfRows(
  { rows, cols: inputs, data }: DenseMatrix,
  span: number,
  back = false,
): Float32Array {
  const outputs = rows / span;
  const values = new Float32Array(data.length);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      const to = (back ? c * outputs + o : o * inputs + c) * span;
      for (let s = 0; s < span; s++) values[to + s] = data[(o * span + s) * inputs + c]!;
    }
  }
  return values;
}
