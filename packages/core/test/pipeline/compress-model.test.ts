import { describe, expect, test } from 'vitest';
import {
  type CompressModelOptions,
  clusterColumns,
  compressedLayer,
  compressModel,
  kmeans,
  portableEngine,
  prepareLayer,
  reconstruct,
  relativeError,
  spherical,
  withOptions,
} from '../../src/index.js';
import { ChainModel, fc, type Operation, runOn } from '../memory-format.js';
import { largestDifference, randomMatrix, randomValues } from '../naive.js';

/** float32 sums of a few dozen terms in another order. */
const FLOAT32_SUMS = 1e-4;

const operations: readonly Operation[] = [
  fc('fc1', 20, 12, 1),
  { type: 'relu', name: 'relu1' },
  fc('fc2', 10, 20, 2),
  { type: 'sigmoid', name: 'sigmoid' },
  fc('fc3', 4, 10, 3),
];
const model = new ChainModel(operations, 12);
const options = (more: Partial<CompressModelOptions>): CompressModelOptions => ({
  clusterer: spherical,
  engine: portableEngine,
  ratio: 0.5,
  ...more,
});

test('all layers at one ratio, and a report on each', async () => {
  const { layers, model: smaller } = await compressModel(model, options({}));
  expect(
    layers.map(({ name, columns, clusters, ratio, sparsity, folded }) => ({
      name,
      columns,
      clusters,
      ratio,
      sparsity,
      folded,
    })),
  ).toEqual([
    { name: 'fc1', columns: 12, clusters: 6, ratio: 0.5, sparsity: 0, folded: false },
    { name: 'fc2', columns: 20, clusters: 10, ratio: 0.5, sparsity: 0, folded: true },
    { name: 'fc3', columns: 10, clusters: 5, ratio: 0.5, sparsity: 0, folded: false },
  ]);
  expect(layers.map(({ fold }) => fold.reason)).toEqual([
    'x comes from outside the graph',
    'folds into fc1 through relu1',
    'sigmoid is not positively homogeneous; the order folds into fc2',
  ]);
  for (const { relativeError } of layers) expect(relativeError > 0 && relativeError < 1).toBe(true);
  expect(smaller.weights('fc2').cols).toBe(10);
  expect(smaller.parameters).toBeLessThan(model.parameters);
});

test('it is the chain of its steps', async () => {
  const { layers, model: smaller } = await compressModel(
    model,
    options({ layers: ['fc2'], ratio: 0.6, seed: 3, sparsity: 0.2 }),
  );
  const prepared = await prepareLayer(model, model.layers[1]!, 0.2, portableEngine);
  const clustering = await clusterColumns(spherical, prepared.columns, 8, { seed: 3 });
  const layer = compressedLayer(prepared.weights, prepared.columns, clustering);
  expect(layers).toHaveLength(1);
  expect(layers[0]).toMatchObject({
    clusters: 8,
    sparsity: 0.2,
    relativeError: relativeError(prepared.weights, layer),
  });
  const dense = model.rewrite({
    layers: [{ layer: 'fc2', weights: reconstruct(layer), bias: model.bias('fc2')!, input: null }],
    features: [],
  });
  const inputs = randomValues(24, 1);
  expect(largestDifference(await runOn(smaller, inputs), await runOn(dense, inputs))).toBeLessThan(
    FLOAT32_SUMS,
  );
});

test('ratio 0 changes nothing that the model computes', async () => {
  const { layers, model: same } = await compressModel(model, options({ ratio: 0 }));
  expect(layers.map((layer) => layer.relativeError)).toEqual([0, 0, 0]);
  const inputs = randomValues(24, 1);
  expect(largestDifference(await runOn(same, inputs), await runOn(model, inputs))).toBeLessThan(FLOAT32_SUMS);
});

test('ratios by layer: only layers with a ratio are compressed', async () => {
  const ratio = new Map([
    ['fc3', 0.2],
    ['fc1', 0.75],
  ]);
  const { layers } = await compressModel(model, options({ ratio }));
  expect(layers.map(({ name, clusters }) => [name, clusters])).toEqual([
    ['fc1', 3],
    ['fc3', 8],
  ]);
});

test('options reach the clusterer', async () => {
  const phases = new Set<string>();
  const run = (more: Partial<CompressModelOptions>) =>
    compressModel(
      model,
      options({ clusterer: kmeans, ...more, onProgress: ({ phase }) => phases.add(phase) }),
    );
  await run({ clusterer: withOptions(kmeans, { algorithm: 'lloyd' }) });
  expect([...phases].toSorted()).toEqual(['clustered', 'gram', 'lloyd', 'proof', 'seeding']);
  const reason = new Error('enough');
  await expect(run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('zero columns count as columns: k is a share of all of them', async () => {
  const weights = randomMatrix(4, 10, 1);
  for (let i = 0; i < 4; i++) weights.data.fill(0, i * 10, i * 10 + 7);
  const sparse = new ChainModel([{ type: 'fc', name: 'fc', weights }], 10);
  const { layers } = await compressModel(sparse, options({ ratio: 0.5 }));
  expect(layers[0]).toMatchObject({ columns: 10, clusters: 3, ratio: 0.7, relativeError: 0 });
});

describe('bad input is refused before anything is computed', () => {
  const nobody = { name: 'nobody', cluster: () => Promise.reject(new Error('asked')) };
  test.each<readonly [string, Partial<CompressModelOptions>, string]>([
    ['a ratio of 1', { ratio: 1 }, 'BAD_ARGUMENT'],
    ['a negative ratio of a layer', { ratio: new Map([['fc1', -1]]) }, 'BAD_ARGUMENT'],
    ['an unknown layer', { layers: ['fc9'] }, 'UNKNOWN_NAME'],
    ['a ratio of an unknown layer', { ratio: new Map([['fc9', 0.5]]) }, 'UNKNOWN_NAME'],
    ['a sparsity of 1', { sparsity: 1 }, 'BAD_ARGUMENT'],
  ])('%s', async (_, more, code) => {
    const run = compressModel(model, options({ clusterer: nobody, ...more }));
    await expect(run).rejects.toMatchObject({ name: 'InputError', code });
  });
});
