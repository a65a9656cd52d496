/** What k-means and spherical clustering report is what explicit vectors give. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AlgorithmOptions,
  type Clusterer,
  compressedLayer,
  kmeans,
  relativeError,
  spherical,
} from '../../src/index.js';
import {
  columnsOf,
  dot,
  groupedMatrix,
  inertia,
  matrixOfColumns,
  prepared,
  totalCosine,
  type Vector,
} from '../naive.js';

/** Inner products are kept in float32: sums over them are off by about this share of the sum of squared norms. */
const GRAM_ROUNDING = 1e-6;

interface Case {
  readonly clusterer: Clusterer<AlgorithmOptions>;
  readonly naive: (
    vectors: readonly Vector[],
    weights: Vector,
    assignment: ArrayLike<number>,
    k: number,
  ) => number;
  /** What a share of is lost to rounding. */
  readonly magnitude: (vectors: readonly Vector[], weights: Vector) => number;
}

const cases: readonly Case[] = [
  {
    clusterer: kmeans,
    naive: inertia,
    magnitude: (vectors, weights) => vectors.reduce((sum, v, j) => sum + weights[j]! * dot(v, v), 0),
  },
  {
    clusterer: spherical,
    naive: totalCosine,
    magnitude: (_, weights) => weights.reduce((sum, weight) => sum + weight, 0),
  },
];

describe.each(cases)('$clusterer.name', ({ clusterer, naive, magnitude }) => {
  test.each(['lloyd', 'hartigan'] as const)(
    '%s: the reported objective is that of the vectors',
    async (algorithm) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 0, max: 1000 }).map((i) => i / 1000),
          fc.nat(),
          fc.boolean(),
          async (m, n, share, seed, weighted) => {
            const weights = groupedMatrix(m, n, 5, seed);
            const columns = await prepared(weights);
            const k = 1 + Math.floor(share * (n - 1));
            const omega = Float64Array.from({ length: n }, (_, j) => (weighted ? 0.5 + (j % 3) : 1));
            const options = weighted ? { seed, algorithm, weights: omega } : { seed, algorithm };
            const { assignment, objective } = await clusterer.cluster(columns, k, options);
            const vectors = columnsOf(weights);
            const expected = naive(vectors, [...omega], assignment, k);
            const error = Math.abs(objective! - expected) / magnitude(vectors, [...omega]);
            expect(error).toBeLessThan(GRAM_ROUNDING);
          },
        ),
        { numRuns: 40, seed: 1 },
      );
    },
  );

  test('no cluster is empty', async () => {
    const columns = await prepared(groupedMatrix(6, 30, 4, 2));
    for (const algorithm of ['lloyd', 'hartigan'] as const) {
      for (let k = 1; k <= 30; k++) {
        const { assignment } = await clusterer.cluster(columns, k, { algorithm, seed: k });
        expect(new Set(assignment).size).toBe(k);
      }
    }
  });

  test('well separated groups are found', async () => {
    const groups = [
      [10, 0, 0],
      [0, 10, 0],
      [0, 0, -10],
    ];
    const weights = matrixOfColumns(
      Array.from({ length: 12 }, (_, j) => groups[j % 3]!.map((v, i) => v + Math.sin(5 * j + i))),
    );
    const columns = await prepared(weights);
    for (const algorithm of ['lloyd', 'hartigan'] as const) {
      for (let seed = 0; seed < 10; seed++) {
        const { assignment } = await clusterer.cluster(columns, 3, { algorithm, seed });
        for (let j = 3; j < 12; j++) expect(assignment[j]).toBe(assignment[j - 3]);
        expect(new Set(assignment).size).toBe(3);
      }
    }
  });
});

test('k-means by hand: two pairs of columns, each replaced by its mean', async () => {
  const weights = matrixOfColumns([
    [1, 0],
    [0, 4],
    [3, 0],
    [0, 6],
  ]);
  const columns = await prepared(weights);
  const clustering = await kmeans.cluster(columns, 2, {});
  expect(clustering.objective).toBe(4);
  expect([...clustering.scales]).toEqual([1, 1, 1, 1]);
  expect([...clustering.coefficients]).toEqual([0.5, 0.5, 0.5, 0.5]);
  const layer = compressedLayer(weights, columns, clustering);
  const first = layer.assignment[0]!;
  expect(layer.assignment).toEqual(Int32Array.of(first, 1 - first, first, 1 - first));
  const row = first === 0 ? [2, 0, 0, 5] : [0, 2, 5, 0];
  expect([...layer.centroids.data]).toEqual(row);
});

test('spherical by hand: norms become scales, and columns of one direction are restored exactly', async () => {
  const weights = matrixOfColumns([
    [2, 0],
    [0, 1],
    [8, 0],
    [0, 4],
  ]);
  const columns = await prepared(weights);
  const clustering = await spherical.cluster(columns, 2, {});
  expect(clustering.objective).toBe(4);
  expect([...clustering.scales]).toEqual([2, 1, 8, 4]);
  const layer = compressedLayer(weights, columns, clustering);
  expect(relativeError(weights, layer)).toBe(0);
  expect([...layer.centroids.data].toSorted()).toEqual([0, 0, 1, 1]);
});

test('spherical by hand: the centroid is the unit mean direction', async () => {
  const weights = matrixOfColumns([
    [3, 0],
    [0, 5],
  ]);
  const columns = await prepared(weights);
  const layer = compressedLayer(weights, columns, await spherical.cluster(columns, 1, {}));
  expect([...layer.scales]).toEqual([3, 5]);
  expect([...layer.centroids.data]).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2)]);
});

test('weights decide what a centroid is made of', async () => {
  const weights = matrixOfColumns([
    [3, 0],
    [0, 5],
  ]);
  const columns = await prepared(weights);
  const options = { weights: Float64Array.of(3, 1) };
  const mean = compressedLayer(weights, columns, await kmeans.cluster(columns, 1, options));
  expect([...mean.centroids.data]).toEqual([2.25, 1.25]);
  const direction = compressedLayer(weights, columns, await spherical.cluster(columns, 1, options));
  expect([...direction.centroids.data]).toEqual([
    Math.fround(3 / Math.sqrt(10)),
    Math.fround(1 / Math.sqrt(10)),
  ]);
});

test('columns that cancel out leave a centroid of zero', async () => {
  const weights = matrixOfColumns([
    [1, 2],
    [-1, -2],
  ]);
  const columns = await prepared(weights);
  for (const clusterer of [kmeans, spherical]) {
    const layer = compressedLayer(weights, columns, await clusterer.cluster(columns, 1, {}));
    expect([...layer.centroids.data].map(Math.abs)).toEqual([0, 0]);
  }
});
