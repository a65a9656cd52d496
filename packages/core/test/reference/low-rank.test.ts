import { SVD } from 'ml-matrix';
import { expect, test } from 'vitest';
import { denseMatrix, portableEngine, toMlMatrix } from '../../src/index.js';
import { lowRankApproximation, rankForClusters } from '../../src/sweep/index.js';
import { groupedMatrix, largestDifference } from '../naive.js';

test.each([
  [30, 20, 6],
  [20, 30, 6],
  [24, 24, 1],
  [40, 36, 6],
  [33, 48, 1],
  [10, 90, 4],
])('a %i × %i matrix of rank %i loses little more than its smallest singular values', async (m, n, rank) => {
  const weights = groupedMatrix(m, n, 8, 1);
  const found = await lowRankApproximation(weights, rank, portableEngine);
  const rest = new SVD(toMlMatrix(weights), { autoTranspose: true }).diagonal.slice(rank);
  const least = rest.reduce((sum, singular) => sum + singular ** 2, 0);
  const error = weights.data.reduce((sum, value, p) => sum + (value - found.data[p]!) ** 2, 0);
  expect(error).toBeGreaterThan(0.999 * least);
  expect(error).toBeLessThan(1.05 * least);
  const singular = new SVD(toMlMatrix(found), { autoTranspose: true }).diagonal;
  expect(singular[rank]! / singular[0]!).toBeLessThan(1e-5);
});

test('a small matrix is decomposed exactly, of either kind', async () => {
  // diag(3, 2, 1) with the last value cut off.
  const weights = denseMatrix(3, 3, Float32Array.of(3, 0, 0, 0, 2, 0, 0, 0, 1));
  const expected = [3, 0, 0, 0, 2, 0, 0, 0, 0];
  for (const matrix of [weights, toMlMatrix(weights)]) {
    const { data } = await lowRankApproximation(matrix, 2, portableEngine);
    for (const [p, value] of data.entries()) expect(value).toBeCloseTo(expected[p]!, 6);
  }
});

test('a matrix of ml-matrix gives what the same matrix of core gives, beyond small ones too', async () => {
  const weights = groupedMatrix(40, 36, 8, 1);
  const found = await lowRankApproximation(toMlMatrix(weights), 5, portableEngine);
  expect(found).toEqual(await lowRankApproximation(weights, 5, portableEngine));
});

test('at full rank the matrix is itself', async () => {
  const weights = groupedMatrix(5, 9, 3, 2);
  expect(await lowRankApproximation(weights, 5, portableEngine)).toBe(weights);
});

test('as many weights as k columns have', () => {
  expect(rankForClusters(4096, 9216, 922)).toBe(283);
  expect(283 * (4096 + 9216)).toBeLessThanOrEqual(4096 * 922);
  expect(rankForClusters(10, 4096, 4)).toBe(1);
});

test.each([-120, -60, 60, 100])(
  'weights of size 2^%i are decomposed as ordinary ones are',
  async (exponent) => {
    const weights = groupedMatrix(36, 40, 8, 1);
    const scaled = denseMatrix(
      36,
      40,
      weights.data.map((value) => value * 2 ** exponent),
    );
    const expected = await lowRankApproximation(weights, 6, portableEngine);
    const found = await lowRankApproximation(scaled, 6, portableEngine);
    expect(
      largestDifference(
        found.data.map((value) => value * 2 ** -exponent),
        expected.data,
      ),
    ).toBeLessThan(1e-5);
  },
);
