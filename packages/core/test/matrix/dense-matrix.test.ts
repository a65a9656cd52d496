import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { asDenseMatrix, denseMatrix, fromMlMatrix, toMlMatrix, transpose } from '../../src/index.js';
import { randomMatrix } from '../naive.js';

describe('denseMatrix', () => {
  test('wraps values without a copy', () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const matrix = denseMatrix(2, 3, data);
    expect([matrix.rows, matrix.cols]).toEqual([2, 3]);
    expect(matrix.data).toBe(data);
  });

  test('is zero without values', () => {
    expect(denseMatrix(2, 2).data).toEqual(new Float32Array(4));
    expect(denseMatrix(0, 3).data).toHaveLength(0);
  });

  test.each([
    [-1, 2],
    [2, -1],
    [1.5, 2],
    [2, Number.NaN],
    [2 ** 53, 1],
  ])('refuses the shape [%s, %s]', (rows, cols) => {
    expect(() => denseMatrix(rows, cols)).toThrow(
      expect.objectContaining({
        code: 'BAD_MATRIX',
        message: `matrix: the shape must be two counts, got [${rows}, ${cols}]`,
      }),
    );
  });

  test.each([5, 7])('refuses %s values for six places', (count) => {
    expect(() => denseMatrix(2, 3, new Float32Array(count))).toThrow(
      expect.objectContaining({
        code: 'BAD_MATRIX',
        message: `matrix: shape [2, 3] needs 6 values, got ${count}`,
      }),
    );
  });
});

test('matrices of ml-matrix are converted there and back', () => {
  const matrix = new Matrix([
    [1, 2, 0.1],
    [4, 5, 6],
  ]);
  const converted = fromMlMatrix(matrix);
  expect(converted).toEqual(denseMatrix(2, 3, Float32Array.of(1, 2, 0.1, 4, 5, 6)));
  expect(asDenseMatrix(matrix)).toEqual(converted);
  expect(asDenseMatrix(matrix.transpose())).toEqual(transpose(converted));
  expect(toMlMatrix(converted).to2DArray()).toEqual([
    [1, 2, Math.fround(0.1)],
    [4, 5, 6],
  ]);
  expect(toMlMatrix(converted).get(1, 2)).toBe(6);
});

test('asDenseMatrix returns a DenseMatrix as it is', () => {
  const matrix = randomMatrix(2, 3, 1);
  expect(asDenseMatrix(matrix)).toBe(matrix);
});

test('transpose moves (i, j) to (j, i), whatever the tiles', () => {
  const size = fc.integer({ min: 0, max: 70 });
  fc.assert(
    fc.property(size, size, (rows, cols) => {
      const matrix = randomMatrix(rows, cols, 1);
      const result = transpose(matrix);
      expect([result.rows, result.cols]).toEqual([cols, rows]);
      expect(toMlMatrix(result).to2DArray()).toEqual(
        Array.from({ length: cols }, (_, j) =>
          toMlMatrix(matrix)
            .to2DArray()
            .map((row) => row[j]),
        ),
      );
      expect(transpose(result)).toEqual(matrix);
    }),
    {
      numRuns: 50,
      seed: 1,
      examples: [
        [32, 33],
        [64, 1],
      ],
    },
  );
});
