import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { invertPositiveDefinite } from '../../src/calibration/cholesky.js';
import { RidgeSystem } from '../../src/calibration/ridge-system.js';
import { type DenseMatrix, denseMatrix, portableEngine, toMlMatrix } from '../../src/index.js';
import { randomMatrix } from '../naive.js';

/** float32 products of a few dozen terms, through an inverse of moderate condition. */
const FLOAT32_SOLVE = 1e-4;

test('the inverse of a positive definite matrix', () => {
  const n = 17;
  const factor = toMlMatrix(randomMatrix(n, n, 1));
  const matrix = factor.mmul(factor.transpose()).add(Matrix.eye(n));
  const values = Float64Array.from(matrix.to1DArray());
  expect(invertPositiveDefinite(values, n)).toBe(true);
  const expected = inverse(matrix).to1DArray();
  values.forEach((value, at) => {
    expect(Math.abs(value - expected[at]!)).toBeLessThan(1e-10);
  });
});

test('what is not positive definite is refused', () => {
  expect(invertPositiveDefinite(Float64Array.of(1, 2, 2, 1), 2)).toBe(false);
});

/** The textbook's normal equations with an explicit column of ones, in float64. */
function naive(z: DenseMatrix, r: DenseMatrix, strength: number, intercept: boolean): Matrix {
  const centre = (matrix: Matrix): Matrix => (intercept ? matrix.center('column') : matrix);
  const zc = centre(toMlMatrix(z));
  const rc = centre(toMlMatrix(r));
  const gram = zc.transpose().mmul(zc);
  const lambda = (strength * gram.trace()) / z.cols;
  return inverse(gram.add(Matrix.eye(z.cols).mul(lambda)))
    .mmul(zc.transpose())
    .mmul(rc);
}

const K = 12;
const M = 3;

describe.each([
  ['fewer rows than columns: the dual system', 8],
  ['more rows than columns: second moments', 60],
])('%s', (_, rows) => {
  test.each([true, false])('solves ridge regression, intercept %s', async (intercept) => {
    const z = randomMatrix(rows, K, 1);
    for (let p = 0; p < z.data.length; p++) z.data[p] = z.data[p]! + 2;
    const r = randomMatrix(rows, M, 2);
    const system = new RidgeSystem(K, M, intercept, portableEngine);
    for (let start = 0; start < rows; start += 7) {
      const count = Math.min(7, rows - start);
      await system.add(
        denseMatrix(count, K, z.data.slice(start * K, (start + count) * K)),
        denseMatrix(count, M, r.data.slice(start * M, (start + count) * M)),
      );
    }
    const expected = naive(z, r, 0.1, intercept);
    const { coefficients, intercept: constant } = (await system.solve(0.1))!;
    coefficients.data.forEach((value, at) => {
      expect(Math.abs(value - expected.get(Math.floor(at / M), at % M))).toBeLessThan(FLOAT32_SOLVE);
    });
    const means = toMlMatrix(r)
      .mean('column')
      .map(
        (mean, i) =>
          mean -
          toMlMatrix(z)
            .mean('column')
            .reduce((sum, value, c) => sum + value * expected.get(c, i), 0),
      );
    constant.forEach((value, i) => {
      expect(Math.abs(value - (intercept ? means[i]! : 0))).toBeLessThan(FLOAT32_SOLVE);
    });
  });
});

test('infinite strength leaves the intercept alone; strength 0 is refused', async () => {
  const system = new RidgeSystem(2, 1, true, portableEngine);
  await system.add(randomMatrix(5, 2, 1), denseMatrix(5, 1, Float32Array.of(1, 2, 3, 4, 5)));
  const { coefficients, intercept } = (await system.solve(Number.POSITIVE_INFINITY))!;
  expect([...coefficients.data]).toEqual([0, 0]);
  expect(intercept[0]).toBeCloseTo(3, 6);
  expect(await system.solve(0)).toBeUndefined();
});
