import { SVD } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  type Clusterer,
  clusterColumns,
  compressedLayer,
  type DenseMatrix,
  kmeans,
  l2Slice,
  rankOne,
  relativeError,
  toMlMatrix,
  withOptions,
} from '../../src/index.js';
import { groupedMatrix, prepared, randomMatrix } from '../naive.js';

/** Gram matrices are float32; energies are differences of nearly equal squares of such numbers. */
const FLOAT32_GRAM = 1e-5;

const squaredNorm = (matrix: DenseMatrix): number => matrix.data.reduce((sum, value) => sum + value ** 2, 0);

/** Columns of non-negative numbers: their leading singular vectors are non-negative too (Perron and Frobenius). */
function nonNegative(rows: number, cols: number, seed: number): DenseMatrix {
  const matrix = groupedMatrix(rows, cols, 5, seed);
  return { ...matrix, data: matrix.data.map(Math.abs) };
}

describe.each(['lloyd', 'hartigan'] as const)('rank-one, %s', (algorithm) => {
  test('every cluster is the best rank-one fit of its columns', async () => {
    const weights = nonNegative(12, 40, 1);
    const columns = await prepared(weights);
    const { assignment, objective } = await clusterColumns(withOptions(rankOne, { algorithm }), columns, 9);
    let error = 0;
    for (let c = 0; c < 9; c++) {
      const members = [...assignment.keys()].filter((j) => assignment[j] === c);
      if (members.length === 0) continue;
      const [, ...rest] = new SVD(toMlMatrix(weights).subMatrixColumn(members), {
        autoTranspose: true,
      }).diagonal;
      error += rest.reduce((sum, singular) => sum + singular ** 2, 0);
    }
    expect(Math.abs(objective! - error)).toBeLessThan(1e-3 * error);
  });

  test('the objective is the squared error of the compressed layer', async () => {
    const weights = randomMatrix(10, 50, 2);
    const columns = await prepared(weights);
    const clustering = await clusterColumns(withOptions(rankOne, { algorithm }), columns, 15);
    const error = relativeError(weights, compressedLayer(weights, columns, clustering)) ** 2;
    expect(Math.abs(error - clustering.objective! / squaredNorm(weights))).toBeLessThan(FLOAT32_GRAM);
  });
});

test('exchanging columns lowers the error, below that of means and of dropped columns', async () => {
  for (let seed = 0; seed < 5; seed++) {
    const columns = await prepared(groupedMatrix(16, 60, 20, seed));
    const error = async (clusterer: Clusterer): Promise<number> =>
      (await clusterColumns(clusterer, columns, 20, { seed })).objective!;
    const exchanged = await error(rankOne);
    expect(exchanged).toBeLessThanOrEqual(await error(withOptions(rankOne, { algorithm: 'lloyd' })));
    expect(exchanged).toBeLessThan(await error(kmeans));
    expect(exchanged).toBeLessThan(await error(l2Slice));
  }
});

test('columns that differ in length alone share a cluster without error', async () => {
  const direction = randomMatrix(8, 1, 3).data;
  const other = randomMatrix(8, 1, 4).data;
  const lengths = [1, 3, 0.2, 7];
  const data = new Float32Array(8 * 8);
  for (let i = 0; i < 8; i++) {
    lengths.forEach((length, j) => {
      data[i * 8 + j] = length * direction[i]!;
      data[i * 8 + 4 + j] = length * other[i]!;
    });
  }
  const weights = { rows: 8, cols: 8, data };
  const columns = await prepared(weights);
  const clustering = await clusterColumns(rankOne, columns, 2);
  expect(relativeError(weights, compressedLayer(weights, columns, clustering))).toBeLessThan(1e-6);
});

test('a weight per column draws the fit towards the heavy ones', async () => {
  const weights = randomMatrix(6, 12, 5);
  const columns = await prepared(weights);
  const heavy = Float64Array.from({ length: 12 }, (_, j) => (j === 3 ? 1e4 : 1));
  const { assignment, scales, coefficients } = await clusterColumns(rankOne, columns, 2, { weights: heavy });
  const members = [...assignment.keys()].filter((j) => assignment[j] === assignment[3]);
  expect(members.length).toBeGreaterThan(1);
  // s_3·c is column 3 but for what the light members add.
  const fitted = Array.from({ length: 6 }, (_, i) =>
    members.reduce((sum, j) => sum + scales[3]! * coefficients[j]! * weights.data[i * 12 + j]!, 0),
  );
  fitted.forEach((value, i) => {
    expect(Math.abs(value - weights.data[i * 12 + 3]!)).toBeLessThan(1e-2);
  });
});
