import { expect, test } from 'vitest';
import {
  clusterColumns,
  compressedLayer,
  l2Slice,
  randomAssignment,
  reconstruct,
  spherical,
  withOptions,
} from '../../src/index.js';
import { columnsOf, dot, matrixOfColumns, prepared, randomMatrix } from '../naive.js';

test('l2-slice keeps the longest columns as they are and drops the others', async () => {
  const weights = matrixOfColumns([
    [1, 0],
    [0, 5],
    [3, 4],
    [0.5, 0.5],
    [4, 0],
  ]);
  const columns = await prepared(weights);
  const clustering = await clusterColumns(l2Slice, columns, 3);
  expect(clustering.objective).toBeCloseTo(1.5, 6);
  const kept = reconstruct(compressedLayer(weights, columns, clustering));
  expect(columnsOf(kept)).toEqual([
    [0, 0],
    [0, 5],
    [3, 4],
    [0, 0],
    [4, 0],
  ]);
});

test('a random assignment fills its clusters evenly and differs by seed', async () => {
  const columns = await prepared(randomMatrix(4, 23, 1));
  const first = await clusterColumns(randomAssignment, columns, 5, { seed: 1 });
  const sizes = [0, 0, 0, 0, 0];
  for (const c of first.assignment) sizes[c]!++;
  expect(sizes.toSorted()).toEqual([4, 4, 5, 5, 5]);
  const second = await clusterColumns(randomAssignment, columns, 5, { seed: 2 });
  expect(second.assignment).not.toEqual(first.assignment);
});

test('projected scales are the best ones for the paper’s centroids', async () => {
  const weights = randomMatrix(7, 30, 2);
  const columns = await prepared(weights);
  const byNorm = await clusterColumns(spherical, columns, 8);
  const projected = await clusterColumns(withOptions(spherical, { scale: 'projected' }), columns, 8);
  expect(projected.assignment).toEqual(byNorm.assignment);
  const { centroids } = compressedLayer(weights, columns, projected);
  const directions = columnsOf(centroids);
  columnsOf(weights).forEach((column, j) => {
    const best = Math.max(0, dot(column, directions[projected.assignment[j]!]!));
    expect(Math.abs(projected.scales[j]! - best)).toBeLessThan(1e-5);
  });
});
