import { describe, expect, test } from 'vitest';
import { isClusterer } from '../../src/clustering/built-in.js';
import {
  type Clusterer,
  type Clustering,
  clusterColumns,
  clusterers,
  denseMatrix,
  kmeans,
  meanClustering,
  portableEngine,
  prepareColumns,
  spherical,
} from '../../src/index.js';
import { matrixOfColumns, prepared, randomMatrix } from '../naive.js';

describe('prepareColumns', () => {
  test('leaves out columns that are all zero and keeps the places of the others', async () => {
    const weights = matrixOfColumns([
      [0, 0],
      [3, 4],
      [0, -0],
      [0, 2],
    ]);
    const values = weights.data.slice();
    const columns = await prepared(weights);
    expect(columns.count).toBe(2);
    expect(columns.total).toBe(4);
    expect([...columns.positions]).toEqual([1, 3]);
    expect([...columns.norms]).toEqual([5, 2]);
    expect([...(await columns.gram.rows(0, 2))]).toEqual([25, 8, 8, 4]);
    expect(weights.data).toEqual(values);
  });

  test('a matrix of nothing but zeros has no columns', async () => {
    const columns = await prepared(denseMatrix(2, 3));
    expect([columns.count, columns.total]).toEqual([0, 3]);
    expect((await clusterColumns(kmeans, columns, 2)).assignment).toHaveLength(0);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%s is refused',
    async (value) => {
      const weights = randomMatrix(3, 5, 1);
      weights.data[1 * 5 + 2] = value;
      await expect(prepared(weights)).rejects.toMatchObject({
        code: 'BAD_MATRIX',
        message: `weights: column 2 has ${value} in row 1; all values must be finite: leave the layer out, or export the model again`,
      });
    },
  );

  test('it can be stopped', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    for (const density of [0, 1]) {
      const weights = randomMatrix(3, 5, 1);
      if (density === 0) weights.data.fill(0, 4);
      await expect(prepareColumns(weights, portableEngine, { signal })).rejects.toBe(reason);
    }
  });
});

describe('clusterColumns', () => {
  test.each([0, -1, 1.5, 6, Number.NaN])('k = %s is refused', async (k) => {
    const columns = await prepared(randomMatrix(3, 5, 1));
    await expect(clusterColumns(kmeans, columns, k)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: `kmeans: k must be in [1, 5 columns], got ${k}`,
    });
  });

  test.each([2, 3])('k = %s, with two columns that are not zero, asks nobody', async (k) => {
    const columns = await prepared(matrixOfColumns([[1], [0], [2]]));
    const nobody: Clusterer = { name: 'nobody', cluster: () => Promise.reject(new Error('asked')) };
    const { assignment, scales, coefficients } = await clusterColumns(nobody, columns, k);
    expect([...assignment]).toEqual([0, 1]);
    expect([...scales]).toEqual([1, 1]);
    expect([...coefficients]).toEqual([1, 1]);
    await expect(clusterColumns(nobody, columns, 1)).rejects.toThrow('asked');
  });

  test('hands over k and the options', async () => {
    const columns = await prepared(randomMatrix(3, 5, 1));
    const options = { seed: 7 };
    const curious: Clusterer = {
      name: 'curious',
      async cluster(given, k, found) {
        expect([given, k, found]).toEqual([columns, 2, options]);
        return meanClustering(new Int32Array(5), 1);
      },
    };
    expect((await clusterColumns(curious, columns, 2, options)).assignment).toHaveLength(5);
  });

  const good = (): Clustering => meanClustering(Int32Array.of(0, 1, -1, 1, 0), 2);
  test.each<readonly [string, unknown, string]>([
    ['nothing', undefined, "'assignment' must have 5 values, one per column, got undefined"],
    [
      'too few assignments',
      { ...good(), assignment: new Int32Array(4) },
      "'assignment' must have 5 values, one per column, got 4",
    ],
    [
      'no scales',
      { ...good(), scales: undefined },
      "'scales' must have 5 values, one per column, got undefined",
    ],
    [
      'too many coefficients',
      { ...good(), coefficients: new Float64Array(6) },
      "'coefficients' must have 5 values, one per column, got 6",
    ],
    [
      'a cluster too high',
      { ...good(), assignment: Int32Array.of(0, 1, 2, 0, 0) },
      'column 2 is assigned to cluster 2, expected -1 or one in [0, 2)',
    ],
    [
      'a cluster too low',
      { ...good(), assignment: Int32Array.of(0, -2, 0, 0, 0) },
      'column 1 is assigned to cluster -2, expected -1 or one in [0, 2)',
    ],
    [
      'half a cluster',
      { ...good(), assignment: [0, 0.5, 0, 0, 0] },
      'column 1 is assigned to cluster 0.5, expected -1 or one in [0, 2)',
    ],
    [
      'a negative scale',
      { ...good(), scales: Float64Array.of(1, 1, 1, -0.5, 1) },
      'the scale of column 3 must be finite and not negative, got -0.5',
    ],
    [
      'a scale that is no number',
      { ...good(), scales: Float64Array.of(1, 1, Number.NaN, 1, 1) },
      'the scale of column 2 must be finite and not negative, got NaN',
    ],
    [
      'an infinite coefficient',
      { ...good(), coefficients: Float64Array.of(1, 1, 1, 1, Number.POSITIVE_INFINITY) },
      'the coefficient of column 4 must be finite, got Infinity',
    ],
  ])('a clusterer that returns %s is named', async (_, clustering, message) => {
    const columns = await prepared(randomMatrix(3, 5, 1));
    const broken: Clusterer = { name: 'broken', cluster: async () => clustering as Clustering };
    await expect(clusterColumns(broken, columns, 2)).rejects.toMatchObject({
      code: 'BAD_PLUGIN',
      message: `clusterer broken: ${message}`,
    });
  });
});

test('meanClustering gives every member its share', () => {
  const { scales, coefficients } = meanClustering(Int32Array.of(1, 0, 1, -1, 1, 1), 3);
  expect([...scales]).toEqual([1, 1, 1, 1, 1, 1]);
  expect([...coefficients]).toEqual([0.25, 1, 0.25, 0, 0.25, 0.25]);
});

test('the built-in clusterers are found by name', async () => {
  const nowhere = (): Promise<never> => Promise.reject(new Error('not asked'));
  expect(await clusterers.find('kmeans', nowhere)).toBe(kmeans);
  expect(await clusterers.find('spherical', nowhere)).toBe(spherical);
  expect(clusterers.builtIn.map(({ name }) => name)).toEqual([
    'kmeans',
    'spherical',
    'rank-one',
    'l2-slice',
    'random',
  ]);
});

test.each<readonly [unknown, boolean]>([
  [kmeans, true],
  [{ name: 'x', cluster: () => undefined }, true],
  [{ name: 'x' }, false],
  [{ cluster: () => undefined }, false],
  [null, false],
  [undefined, false],
  ['kmeans', false],
])('isClusterer(%o) is %s', (value, expected) => {
  expect(isClusterer(value)).toBe(expected);
});
