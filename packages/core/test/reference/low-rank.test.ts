import { SVD } from 'ml-matrix';
import { expect, test } from 'vitest';
import { lowRankApproximation, portableEngine, rankForClusters, toMlMatrix } from '../../src/index.js';
import { groupedMatrix } from '../naive.js';

test.each([
  [30, 20, 6],
  [20, 30, 6],
  [24, 24, 1],
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

test('at full rank the matrix is itself', async () => {
  const weights = groupedMatrix(5, 9, 3, 2);
  expect(await lowRankApproximation(weights, 5, portableEngine)).toBe(weights);
});

test('as many weights as k columns have', () => {
  expect(rankForClusters(4096, 9216, 922)).toBe(283);
  expect(283 * (4096 + 9216)).toBeLessThanOrEqual(4096 * 922);
  expect(rankForClusters(10, 4096, 4)).toBe(1);
});
