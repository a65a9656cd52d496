/** Layers whose format says that few clusters are worth it. */
import { describe, expect, test } from 'vitest';
import { clustersOfLayer } from '../../src/compression/column-reduction.js';
import { compressModel, keepsColumns, type Model, portableEngine, spherical } from '../../src/index.js';
import { ChainModel, fc } from '../memory-format.js';

/** A chain whose second layer is worth it up to so many of its 20 columns. */
function chain(mostClusters: number): Model {
  const model = new ChainModel(
    [fc('fc1', 20, 12, 1), { type: 'sigmoid', name: 's' }, fc('fc2', 10, 20, 2)],
    12,
  );
  const layers = model.layers.map((layer) => (layer.name === 'fc2' ? { ...layer, mostClusters } : layer));
  return Object.defineProperty(model, 'layers', { value: layers });
}

test.each([
  [undefined, 0.1, 18],
  [12, 0.1, 20],
  [12, 0.35, 20],
  [12, 0.4, 12],
  [12, 0.9, 2],
  [0, 0.9, 20],
])('at most %s clusters, ratio %s: %s of 20', (mostClusters, ratio, clusters) => {
  const layer = mostClusters === undefined ? { inputs: 20 } : { inputs: 20, mostClusters };
  expect(clustersOfLayer(layer, ratio)).toBe(clusters);
});

test.each([
  [undefined, undefined],
  [19, undefined],
  [12, 'bringing its columns to their clusters would cost more than it saves below a ratio of 0.4'],
  [0, 'bringing its columns to their clusters would cost more than it saves at any ratio'],
])('at most %s clusters: %s', (mostClusters, reason) => {
  expect(keepsColumns(mostClusters === undefined ? { inputs: 20 } : { inputs: 20, mostClusters })).toBe(
    reason,
  );
});

describe('compressModel', () => {
  const options = { clusterer: spherical, engine: portableEngine };

  test('leaves a layer as it is where that is cheaper, and says so', async () => {
    const model = chain(12);
    const { layers, model: written } = await compressModel(model, { ...options, ratio: 0.25 });
    expect(layers.map(({ name, clusters, relativeError }) => [name, clusters, relativeError === 0])).toEqual([
      ['fc1', 9, false],
      ['fc2', 20, true],
    ]);
    expect(layers[1]!.fold.reason).toBe(
      'left as it is: bringing its columns to their clusters would cost more than it saves below a ratio of 0.4',
    );
    expect(written.weights('fc2')).toEqual(model.weights('fc2'));
  });

  test('compresses it where enough columns go', async () => {
    const { layers } = await compressModel(chain(12), { ...options, ratio: 0.5 });
    expect(layers.map(({ clusters }) => clusters)).toEqual([6, 10]);
    expect(layers[1]!.fold.reason).not.toContain('left as it is');
  });
});
