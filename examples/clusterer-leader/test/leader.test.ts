import { clusterColumns, denseMatrix, portableEngine, prepareColumns } from '@spherize/core';
import { clustererContract } from '@spherize/core/testing';
import { expect, test } from 'vitest';
import leader from '../src/index.js';

for (const { name, run } of clustererContract(leader)) test(name, run);

test('columns of one direction follow the first of them', async () => {
  // Columns: (3, 4), (0, 2), (6, 8), (0, 1), (0, 5).
  const weights = denseMatrix(2, 5, Float32Array.of(3, 0, 6, 0, 0, 4, 2, 8, 1, 5));
  const { assignment, scales } = await clusterColumns(
    leader,
    await prepareColumns(weights, portableEngine),
    2,
  );
  expect([...assignment]).toEqual([0, 1, 0, 1, 1]);
  expect([...scales]).toEqual([1, 1, 2, 0.5, 2.5]);
});

test('with as many clusters as columns, every column leads', async () => {
  const weights = denseMatrix(2, 3, Float32Array.of(1, 1, 2, 1, 1, 2));
  const { assignment } = await clusterColumns(leader, await prepareColumns(weights, portableEngine), 3);
  expect([...assignment]).toEqual([0, 1, 2]);
});
