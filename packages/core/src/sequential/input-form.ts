import type { InputForm } from '../format/model-rewrite.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/**
 * Does to rows of features what a rewritten layer does to its input: pick, multiply, sum the members of each cluster.
 *
 * @param rows shape `[samples, features]`
 * @returns shape `[samples, k]`, with k the number of clusters in all groups
 */
export function applyInputForm(rows: DenseMatrix, { gather, multiply, groups }: InputForm): DenseMatrix {
  const clusters = groups.reduce((sum, { count }) => sum + count, 0);
  const result = denseMatrix(rows.rows, clusters);
  for (let i = 0; i < rows.rows; i++) {
    let position = 0;
    let cluster = i * clusters;
    for (const { size, count } of groups) {
      for (let c = 0; c < count; c++, cluster++) {
        let sum = 0;
        for (let member = 0; member < size; member++, position++) {
          const value = rows.data[i * rows.cols + (gather ? gather[position]! : position)]!;
          sum += multiply ? value * multiply[position]! : value;
        }
        result.data[cluster] = sum;
      }
    }
  }
  return result;
}
