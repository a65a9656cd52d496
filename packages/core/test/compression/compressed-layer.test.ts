import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  type Clustering,
  clusterColumns,
  compressedLayer,
  type DenseMatrix,
  denseMatrix,
  kmeans,
  meanClustering,
  portableEngine,
  prepareColumns,
  pruneByMagnitude,
  reconstruct,
  relativeError,
  sparsityOf,
  spherical,
  toMlMatrix,
} from '../../src/index.js';
import {
  columnsOf,
  groupedMatrix,
  largestDifference,
  matrixOfColumns,
  prepared,
  randomMatrix,
  scaled,
} from '../naive.js';

/** Two float32 roundings of values below 8. */
const ROUNDED_TWICE = 8 * 2 * 2 ** -24;

/** Columns 0, 2 and 4 have values; 2 and 4 form cluster 3 of 5, column 0 is alone in cluster 1. */
const weights = matrixOfColumns([
  [1, 2],
  [0, 0],
  [3, 4],
  [0, 0],
  [5, 8],
]);
const clustering: Clustering = {
  assignment: Int32Array.of(1, 3, 3),
  scales: Float64Array.of(2, 0.5, 1),
  coefficients: Float64Array.of(0.25, 1, -1),
  objective: 0,
  iterations: 0,
};

describe('compressedLayer', () => {
  test('puts columns back in their places, drops zero columns and renumbers empty clusters away', async () => {
    const layer = compressedLayer(weights, await prepared(weights), clustering);
    expect([...layer.assignment]).toEqual([0, -1, 1, -1, 1]);
    expect([...layer.scales]).toEqual([2, 0, 0.5, 0, 1]);
    expect(toMlMatrix(layer.centroids).to2DArray()).toEqual([
      [0.25, 3 - 5],
      [0.5, 4 - 8],
    ]);
    expect(toMlMatrix(reconstruct(layer)).to2DArray()).toEqual([
      [0.5, 0, -1, 0, -2],
      [1, 0, -2, 0, -4],
    ]);
  });

  test('drops what the clusterer drops', async () => {
    const dropped = { ...clustering, assignment: Int32Array.of(1, -1, 3) };
    const layer = compressedLayer(weights, await prepared(weights), dropped);
    expect([...layer.assignment]).toEqual([0, -1, -1, -1, 1]);
    expect(toMlMatrix(layer.centroids).to2DArray()).toEqual([
      [0.25, -5],
      [0.5, -8],
    ]);
  });

  test.each([
    ['nothing but zeros', denseMatrix(2, 3)],
    ['nothing that was kept', weights],
  ])('keeps one column of zeros for %s', async (_, matrix) => {
    const columns = await prepared(matrix);
    const nothing = meanClustering(new Int32Array(columns.count).fill(-1), 1);
    const layer = compressedLayer(matrix, columns, nothing);
    expect([...layer.assignment]).toEqual([0, ...new Array(matrix.cols - 1).fill(-1)]);
    expect(layer.centroids).toEqual(denseMatrix(2, 1));
    expect(reconstruct(layer)).toEqual(denseMatrix(2, matrix.cols));
    expect(relativeError(matrix, layer)).toBe(matrix === weights ? 1 : 0);
  });

  test('with every column alone it is exact', async () => {
    const matrix = randomMatrix(4, 6, 1);
    const layer = compressedLayer(matrix, await prepared(matrix), {
      assignment: Int32Array.of(5, 4, 3, 2, 1, 0),
      scales: new Float64Array(6).fill(1),
      coefficients: new Float64Array(6).fill(1),
      objective: 0,
      iterations: 0,
    });
    expect(reconstruct(layer)).toEqual(matrix);
    expect(relativeError(matrix, layer)).toBe(0);
  });
});

test.each([kmeans, spherical])('$name: every column is its scale times its centroid', async (clusterer) => {
  const matrix = randomMatrix(7, 20, 2);
  const columns = await prepared(matrix);
  const result = await clusterer.cluster(columns, 6, {});
  const layer = compressedLayer(matrix, columns, result);
  const vectors = columnsOf(matrix);
  const restored = columnsOf(reconstruct(layer));
  restored.forEach((column, j) => {
    const centroid = vectors[0]!.map(() => 0);
    vectors.forEach((vector, l) => {
      if (result.assignment[l] !== result.assignment[j]) return;
      vector.forEach((value, i) => {
        centroid[i] = centroid[i]! + result.coefficients[l]! * value;
      });
    });
    expect(largestDifference(column, scaled(centroid, result.scales[j]!))).toBeLessThan(ROUNDED_TWICE);
  });
});

test('relativeError is the Frobenius norm of the difference over that of W', async () => {
  const matrix = randomMatrix(5, 12, 3);
  const columns = await prepared(matrix);
  for (const clusterer of [kmeans, spherical]) {
    const layer = compressedLayer(matrix, columns, await clusterer.cluster(columns, 4, {}));
    const restored = reconstruct(layer).data;
    const norm = (values: number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    const difference = [...matrix.data].map((value, i) => value - restored[i]!);
    expect(relativeError(matrix, layer)).toBeCloseTo(norm(difference) / norm([...matrix.data]), 6);
    expect(relativeError(matrix, layer)).toBeGreaterThan(0.1);
  }
});

test('k-means: the relative error is the root of inertia over the squared norm', async () => {
  const matrix = randomMatrix(5, 12, 4);
  const columns = await prepared(matrix);
  const result = await kmeans.cluster(columns, 5, {});
  const norm = columns.gram.diagonal.reduce((a, b) => a + b);
  const layer = compressedLayer(matrix, columns, result);
  expect(relativeError(matrix, layer)).toBeCloseTo(Math.sqrt(result.objective! / norm), 5);
});

test('matrices of ml-matrix go the whole way, and come back as such', async () => {
  const dense = groupedMatrix(6, 20, 4, 3);
  const way = async (matrix: DenseMatrix | Matrix) => {
    const pruned = pruneByMagnitude(matrix, 0.25);
    const columns = await prepareColumns(matrix, portableEngine);
    const layer = compressedLayer(matrix, columns, await clusterColumns(kmeans, columns, 5));
    const restored = toMlMatrix(reconstruct(layer));
    return { pruned, sparsity: sparsityOf(matrix), layer, error: relativeError(matrix, layer), restored };
  };
  const found = await way(toMlMatrix(dense));
  expect(found).toEqual(await way(dense));
  const difference = Matrix.sub(found.restored, toMlMatrix(dense)).norm() / toMlMatrix(dense).norm();
  expect(difference).toBeCloseTo(found.error, 5);
});
