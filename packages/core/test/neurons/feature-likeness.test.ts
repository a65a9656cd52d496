import { expect, test } from 'vitest';
import { invertPositiveDefinite } from '../../src/calibration/cholesky.js';
import { denseMatrix } from '../../src/matrix/dense-matrix.js';
import { portableEngine } from '../../src/matrix/portable-engine.js';
import { columnLikeness, featureLikeness } from '../../src/neurons/feature-likeness.js';
import { Random } from '../../src/random.js';

const SHARED = 0.95;

test('likenesses are the correlations of rectified sums of normal inputs, but for a share that is of each alone', async () => {
  const [rows, n, samples] = [3, 5, 200_000];
  const random = new Random(3);
  const made = denseMatrix(
    rows,
    n,
    new Float32Array(rows * n).map(() => random.normal()),
  );
  const { data } = await featureLikeness(made, portableEngine);
  const sums = Array.from({ length: n }, () => new Float64Array(samples));
  for (let s = 0; s < samples; s++) {
    const x = Array.from({ length: rows }, () => random.normal());
    for (let j = 0; j < n; j++)
      sums[j]![s] = Math.max(
        0,
        x.reduce((sum, value, i) => sum + value * made.data[i * n + j]!, 0),
      );
  }
  for (let i = 0; i < n; i++) {
    expect(data[i * n + i]).toBe(1);
    for (let j = 0; j < i; j++) {
      expect(data[i * n + j]).toBe(data[j * n + i]);
      expect(Math.abs(data[i * n + j]! - SHARED * correlation(sums[i]!, sums[j]!))).toBeLessThan(0.01);
    }
  }
});

test('features of one direction are alike, at right angles unlike, and features that nothing makes are like none; the matrix stays regular', async () => {
  const made = denseMatrix(2, 5, new Float32Array([1, 2, 0, -1, 0, 0, 0, 3, 0, 0]));
  const { data, cols } = await featureLikeness(made, portableEngine);
  const of = (i: number, j: number): number => data[i * cols + j]!;
  expect(of(0, 1)).toBeCloseTo(SHARED, 6);
  expect(of(0, 2)).toBeCloseTo(0, 6);
  expect(of(0, 3)).toBeCloseTo(-SHARED / (Math.PI - 1), 6);
  expect(of(4, 0)).toBeCloseTo(0, 6);
  expect(of(4, 4)).toBe(1);
  expect(invertPositiveDefinite(new Float64Array(data), cols)).toBe(true);
});

test('columns of two features are alike pair by pair, and those of no feature are like themselves alone', () => {
  const likeness = denseMatrix(2, 2, new Float32Array([1, 0.5, 0.5, 1]));
  expect([
    ...columnLikeness(
      likeness,
      [
        [0, 2],
        [3, 1],
      ],
      5,
    ),
  ]).toEqual([
    ...[1, 0, 0, 0.5, 0],
    ...[0, 1, 0.5, 0, 0],
    ...[0, 0.5, 1, 0, 0],
    ...[0.5, 0, 0, 1, 0],
    ...[0, 0, 0, 0, 1],
  ]);
});

function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [s, value] of a.entries()) {
    ab += (value - ma) * (b[s]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[s]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
