import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Clusterer,
  clusterColumns,
  compressedLayer,
  type DenseMatrix,
  denseMatrix,
  kmeans,
  l2Slice,
  portableEngine,
  prepareColumns,
  rankOne,
  reconstruct,
  relativeError,
  spherical,
} from '../../src/index.js';
import { groupedMatrix } from '../naive.js';

const CLUSTERERS: Record<string, Clusterer> = { kmeans, spherical, 'rank-one': rankOne, 'l2-slice': l2Slice };
/** Of a reconstructed column, relative to its norm: float32 centroids and factors. */
const ROUNDING = 1e-5;

const scaled = (matrix: DenseMatrix, factor: (column: number) => number): DenseMatrix =>
  denseMatrix(
    matrix.rows,
    matrix.cols,
    matrix.data.map((value, p) => value * factor(p % matrix.cols)),
  );

async function compressed(weights: DenseMatrix, clusterer: Clusterer, k: number, memory?: number) {
  const columns = await prepareColumns(weights, portableEngine, { memory });
  const clustering = await clusterColumns(clusterer, columns, k, { seed: 3 });
  return compressedLayer(weights, columns, clustering);
}

test.each(Object.keys(CLUSTERERS))('%s finds the same clusters in any units', async (name) => {
  const weights = groupedMatrix(8, 24, 6, 5);
  const expected = await compressed(weights, CLUSTERERS[name]!, 7);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -120, max: 100 }),
      fc.constantFrom(undefined, 0),
      async (p, memory) => {
        const found = await compressed(
          scaled(weights, () => 2 ** p),
          CLUSTERERS[name]!,
          7,
          memory,
        );
        expect(found.assignment).toEqual(expected.assignment);
        const back = reconstruct(found).data.map((value) => value * 2 ** -p);
        const whole = reconstruct(expected).data;
        for (const [i, value] of back.entries()) expect(value).toBeCloseTo(whole[i]!, 4);
      },
    ),
    { numRuns: 40 },
  );
});

/** Columns of 1e-30 and of 1e30, of three directions each, twice. */
function mixed(tiny: number, huge: number): DenseMatrix {
  const directions = groupedMatrix(6, 3, 3, 9);
  const result = denseMatrix(6, 12);
  for (let i = 0; i < 6; i++)
    for (let j = 0; j < 12; j++)
      result.data[i * 12 + j] = directions.data[i * 3 + (j % 3)]! * (j < 6 ? tiny : huge) * (1 + (j % 2));
  return result;
}

test.each([
  [1e-30, 1e30],
  [1e-36, 1e-3],
  [1e-3, 1e36],
])('columns of %f and %f keep their directions in one layer', async (tiny, huge) => {
  const weights = mixed(tiny, huge);
  const layer = await compressed(weights, spherical, 3);
  for (let j = 0; j < 12; j++) expect(layer.assignment[j]).toBe(layer.assignment[j % 3]);
  expect(relativeError(weights, layer)).toBeLessThan(ROUNDING);
});

test('a cluster of small columns alone keeps them in a layer of large ones', async () => {
  const small = [1, 2, 3].map((t) => [0, 0, t * 1e-30]);
  const large = [1, 2, 3].map((t) => [t * 1e20, t * 2e20, 0]);
  const weights = denseMatrix(3, 6);
  [...small, ...large].forEach((column, j) => {
    column.forEach((value, i) => {
      weights.data[i * 6 + j] = value;
    });
  });
  const back = reconstruct(await compressed(weights, spherical, 2));
  back.data.forEach((value, p) => {
    const wanted = weights.data[p]!;
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(ROUNDING * Math.abs(wanted));
  });
});

test('denormal numbers are clustered, not lost', async () => {
  // Multiples of the smallest number that float32 has.
  const weights = denseMatrix(
    2,
    4,
    Float32Array.from([64, 128, 0, 0, 0, 0, 64, 256], (v) => v * 2 ** -149),
  );
  const layer = await compressed(weights, spherical, 2);
  expect([...layer.assignment]).toEqual([0, 0, 1, 1].map((c) => (layer.assignment[0] === 0 ? c : 1 - c)));
  expect(relativeError(weights, layer)).toBeLessThan(0.02);
});
