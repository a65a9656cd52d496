import { expect, it } from 'vitest';
import { affineRidge } from '../../src/calibration/affine-ridge.js';
import { Moments, momentsOfColumns } from '../../src/calibration/moments.js';
import { type DenseMatrix, denseMatrix } from '../../src/matrix/dense-matrix.js';
import { portableEngine } from '../../src/matrix/portable-engine.js';
import { Random } from '../../src/random.js';

/** Products of float32 about a point near the mean, over hundreds of rows. */
const PRODUCT = 4;

function rows(count: number, cols: number, seed: number, mean: number): DenseMatrix {
  const random = new Random(seed);
  return denseMatrix(
    count,
    cols,
    Float32Array.from({ length: count * cols }, () => mean + random.normal()),
  );
}

function mean({ rows: count, cols, data }: DenseMatrix, column: number, from = 0): number {
  let sum = 0;
  for (let i = from; i < count; i++) sum += data[i * cols + column]!;
  return sum / count;
}

it.each([true, false])(
  'gives what plain sums over all rows give, batch by batch; centred: %s',
  async (centred) => {
    const [n, m, count] = [5, 3, 300];
    // Means far from zero: sums about zero in float32 would lose the variance.
    const [z, y] = [rows(count, n, 1, centred ? 1000 : 0), rows(count, m, 2, centred ? -500 : 0)];
    const moments = new Moments(n, m, centred, portableEngine);
    for (const [start, end] of [
      [0, 7],
      [7, 180],
      [180, count],
    ] as const) {
      const part = ({ cols, data }: DenseMatrix) =>
        denseMatrix(end - start, cols, data.slice(start * cols, end * cols));
      await moments.add(part(z), part(y));
    }
    const found = moments.centred();
    const at = (matrix: DenseMatrix, column: number) => (centred ? mean(matrix, column) : 0);
    const product = (a: DenseMatrix, i: number, b: DenseMatrix, j: number): number => {
      let sum = 0;
      for (let row = 0; row < count; row++)
        sum += (a.data[row * a.cols + i]! - at(a, i)) * (b.data[row * b.cols + j]! - at(b, j));
      return sum / count;
    };
    expect(found.rows).toBe(count);
    for (let i = 0; i < n; i++) {
      expect(found.meanZ[i]).toBeCloseTo(at(z, i), PRODUCT);
      for (let j = 0; j < n; j++) expect(found.zz[i * n + j]).toBeCloseTo(product(z, i, z, j), PRODUCT);
      for (let j = 0; j < m; j++) expect(found.zy[i * m + j]).toBeCloseTo(product(z, i, y, j), PRODUCT);
    }
    for (let j = 0; j < m; j++) expect(found.yy[j]).toBeCloseTo(product(y, j, y, j), PRODUCT);
    const some = momentsOfColumns(found, [3, 1]);
    expect([...some.zz]).toEqual([
      found.zz[3 * n + 3],
      found.zz[3 * n + 1],
      found.zz[n + 3],
      found.zz[n + 1],
    ]);
    expect([...some.meanZ]).toEqual([found.meanZ[3], found.meanZ[1]]);
  },
);

it('finds an affine map again, and leaves the weights where the ridge is infinite', async () => {
  const [n, m] = [4, 2];
  const z = rows(200, n, 3, 2);
  const weights = [1, -2, 0.5, 3, 0, 1, 1, -1];
  const y = denseMatrix(200, m);
  for (let i = 0; i < 200; i++)
    for (let o = 0; o < m; o++) {
      y.data[i * m + o] = o + 5;
      for (let j = 0; j < n; j++)
        y.data[i * m + o] = y.data[i * m + o]! + weights[o * n + j]! * z.data[i * n + j]!;
    }
  const moments = new Moments(n, m, true, portableEngine);
  await moments.add(z, y);
  const solve = affineRidge(moments.centred(), denseMatrix(m, n), portableEngine);
  const found = (await solve(1e-9))!;
  for (const [at, value] of weights.entries()) expect(found.weights.data[at]).toBeCloseTo(value, PRODUCT);
  expect(found.bias[0]).toBeCloseTo(5, 3);
  expect(found.bias[1]).toBeCloseTo(6, 3);
  const alone = (await solve(Number.POSITIVE_INFINITY))!;
  expect([...alone.weights.data]).toEqual(new Array(m * n).fill(0));
  expect(alone.bias[0]).toBeCloseTo(mean(y, 0), PRODUCT);
});
