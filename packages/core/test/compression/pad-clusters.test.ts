import { describe, expect, test } from 'vitest';
import {
  clusterLayer,
  compressModel,
  kmeans,
  portableEngine,
  prepareLayer,
  reconstruct,
  relativeError,
  spherical,
} from '../../src/index.js';
import { ChainModel, fc } from '../memory-format.js';

/** Eleven inputs, of which three are dead. */
function layerWithDeadColumns(): ChainModel {
  const layer = fc('layer', 6, 11, 3);
  for (const j of [2, 5, 10]) for (let i = 0; i < 6; i++) layer.weights.data[i * 11 + j] = 0;
  return new ChainModel([layer], 11);
}

describe('roundTo', () => {
  test.each([
    [0.5, 4, 8],
    [0.7, 4, 4],
    [0.9, 4, 4],
    // Above the number of columns that are not zero.
    [0.2, 5, 10],
    [0, 4, 8],
    [0, 3, 9],
    [0.5, 100, 11],
    [0.5, 1, 6],
  ])('ρ = %s, a multiple of %s: %s clusters', async (ratio, roundTo, clusters) => {
    const model = layerWithDeadColumns();
    const prepared = await prepareLayer(model, model.layers[0]!, 0, portableEngine);
    const layer = await clusterLayer(prepared, spherical, ratio, { roundTo });
    expect(layer.centroids.cols).toBe(clusters);
    expect(new Set(layer.assignment.filter((c) => c >= 0)).size).toBe(clusters);
    if (clusters >= 8) {
      // Every column has a cluster of its own.
      reconstruct(layer).data.forEach((value, p) => {
        expect(value).toBeCloseTo(prepared.weights.data[p]!, 5);
      });
    }
  });

  test('clusters that stay empty are filled by columns that leave others', async () => {
    const model = layerWithDeadColumns();
    const prepared = await prepareLayer(model, model.layers[0]!, 0, portableEngine);
    const few = {
      ...kmeans,
      cluster: async (...args: Parameters<typeof kmeans.cluster>) => {
        const [columns, , options] = args;
        return kmeans.cluster(columns, 3, options);
      },
    };
    const before = await clusterLayer(prepared, few, 0.5);
    const after = await clusterLayer(prepared, few, 0.5, { roundTo: 6 });
    expect([before.centroids.cols, after.centroids.cols]).toEqual([3, 6]);
    expect(relativeError(prepared.weights, after)).toBeLessThan(relativeError(prepared.weights, before));
  });

  test('goes through compressModel', async () => {
    const model = new ChainModel([fc('a', 8, 30, 1), { type: 'relu', name: 'r' }, fc('b', 4, 8, 2)], 30);
    const options = { clusterer: kmeans, engine: portableEngine, ratio: 0.5, roundTo: 4 };
    const { layers } = await compressModel(model, options);
    expect(layers.map(({ clusters }) => clusters)).toEqual([16, 4]);
  });

  test.each([0, 1.5, Number.NaN])('%s is refused', async (roundTo) => {
    const model = layerWithDeadColumns();
    const options = { clusterer: kmeans, engine: portableEngine, ratio: 0.5, roundTo };
    await expect(compressModel(model, options)).rejects.toThrow(
      `multiple of clusters: must be a whole number of at least 1, got ${roundTo}`,
    );
  });
});
