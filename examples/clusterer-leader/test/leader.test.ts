import { clusterColumns, denseMatrix, portableEngine, prepareColumns, withOptions } from '@spherize/core';
import { clustererContract } from '@spherize/core/testing';
import { expect, test } from 'vitest';
import { writeSmallFiles } from '../../../apps/cli/test/commands/small-files.js';
import { spherizeJson, temporaryFolder } from '../../../apps/cli/test/commands/spawn-spherize.js';
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

test('columns keep their length if they are told to', async () => {
  // Columns: (4, 0), (3, 4), (0, 2); the last one joins the second.
  const columns = await prepareColumns(denseMatrix(2, 3, Float32Array.of(4, 3, 0, 0, 4, 2)), portableEngine);
  const scalesOf = async (keepNorms: boolean) => [
    ...(await clusterColumns(withOptions(leader, { keepNorms }), columns, 2)).scales,
  ];
  expect(await scalesOf(false)).toEqual([1, 1, 0.32]);
  expect(await scalesOf(true)).toEqual([1, 1, 0.4]);
});

test('the command takes its options', async () => {
  const folder = temporaryFolder();
  writeSmallFiles(folder);
  const path = new URL('../dist/index.js', import.meta.url).pathname;
  const options = { halvings: 3, keepNorms: true };
  const clusterers = `"${path}:halvings=3,keepNorms=true",${path}`;
  const { rows } = await spherizeJson<{ rows: { options?: unknown; relativeError: number }[] }>(
    folder,
    ...['sweep', 'small.onnx', '--data', 'npy:X.npy,Y.npy', '--limit', '10', '--out', 'results'],
    ...['--ratios', '0.5', '--references', 'none', '--clusterers', clusterers],
  );
  expect(rows.map((row) => row.options)).toEqual([options, undefined]);
  expect(rows[0]!.relativeError).not.toBe(rows[1]!.relativeError);
});
