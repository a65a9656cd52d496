import { describe, expect, test } from 'vitest';
import { lloyd } from '../../src/clustering/lloyd.js';
import { cosineObjective, inertiaObjective } from '../../src/clustering/objective.js';
import { columnPoints, directionPoints } from '../../src/clustering/points.js';
import { type DenseMatrix, kmeans, spherical } from '../../src/index.js';
import {
  columnsOf,
  directionsOf,
  dot,
  groupedMatrix,
  inertia,
  matrixOfColumns,
  means,
  prepared,
  squaredDistance,
  totalCosine,
} from '../naive.js';

/** Two centroids that are this close to equally near are a tie in float32: relative to squared distances and cosines. */
const TIE = 1e-5;

const ones = (n: number): number[] => new Array<number>(n).fill(1);
const sizes = [
  { m: 3, n: 40, k: 6 },
  { m: 20, n: 60, k: 25 },
  { m: 8, n: 33, k: 2 },
];

describe.each(sizes)('$n columns of $m dimensions in $k clusters', ({ m, n, k }) => {
  test('k-means: every column is at its nearest centroid', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const weights = groupedMatrix(m, n, 7, seed);
      const { assignment } = await kmeans.cluster(await prepared(weights), k, { seed, algorithm: 'lloyd' });
      const vectors = columnsOf(weights);
      const centroids = means(vectors, ones(n), assignment, k);
      vectors.forEach((vector, j) => {
        const own = squaredDistance(vector, centroids[assignment[j]!]!);
        const nearest = Math.min(...centroids.map((centroid) => squaredDistance(vector, centroid)));
        expect(own).toBeLessThanOrEqual(nearest + TIE * dot(vector, vector));
      });
    }
  });

  test('spherical: every column is at the centroid of the largest cosine', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const weights = groupedMatrix(m, n, 7, seed);
      const { assignment } = await spherical.cluster(await prepared(weights), k, {
        seed,
        algorithm: 'lloyd',
      });
      const directions = directionsOf(columnsOf(weights));
      const centroids = directionsOf(means(directions, ones(n), assignment, k));
      directions.forEach((direction, j) => {
        const best = Math.max(...centroids.map((centroid) => dot(direction, centroid)));
        expect(dot(direction, centroids[assignment[j]!]!)).toBeGreaterThanOrEqual(best - TIE);
      });
    }
  });
});

test.each([
  { m: 3, n: 40, k: 6 },
  { m: 8, n: 90, k: 12 },
])('it ends where the textbook does: $n columns in $k clusters', async ({ m, n, k }) => {
  for (let seed = 0; seed < 5; seed++) {
    const weights = groupedMatrix(m, n, 7, seed);
    const start = Int32Array.from({ length: n }, (_, j) => (j * 7 + seed) % k);
    const points = columnPoints(await prepared(weights), undefined);
    const { partition } = await lloyd(points, start, k, inertiaObjective, {});
    expect([...partition.assignment]).toEqual(textbook(weights, start, k));
  }
});

/** Lloyd's algorithm as it stands in textbooks; expects that no cluster ever runs empty. */
function textbook(weights: DenseMatrix, start: Int32Array, k: number): number[] {
  const vectors = columnsOf(weights);
  let assignment = [...start];
  for (;;) {
    const centroids = means(vectors, ones(vectors.length), assignment, k);
    const next = vectors.map((vector) => {
      const distances = centroids.map((centroid) => squaredDistance(vector, centroid));
      return distances.indexOf(Math.min(...distances));
    });
    if (new Set(next).size < k) throw new Error('a cluster ran empty: choose another start');
    if (next.join() === assignment.join()) return assignment;
    assignment = next;
  }
}

test('it never makes a start worse', async () => {
  const weights = groupedMatrix(10, 50, 6, 3);
  const columns = await prepared(weights);
  const vectors = columnsOf(weights);
  for (const k of [2, 9, 30]) {
    const start = Int32Array.from({ length: 50 }, (_, j) => j % k);
    const near = await lloyd(columnPoints(columns, undefined), start, k, inertiaObjective, {});
    expect(inertia(vectors, ones(50), near.partition.assignment, k)).toBeLessThan(
      inertia(vectors, ones(50), start, k),
    );
    const alike = await lloyd(directionPoints(columns, undefined), start, k, cosineObjective, {});
    expect(totalCosine(vectors, ones(50), alike.partition.assignment, k)).toBeGreaterThan(
      totalCosine(vectors, ones(50), start, k),
    );
  }
});

test('a column of weight 3 counts like three columns', async () => {
  const weights = groupedMatrix(5, 24, 4, 9);
  const omega = Float64Array.from({ length: 24 }, (_, j) => 1 + (j % 3));
  const copies = columnsOf(weights).flatMap(
    (column, j) => new Array(omega[j]!).fill({ column, j }) as Copy[],
  );
  const start = Int32Array.from({ length: 24 }, (_, j) => (5 * j) % 6);
  const single = columnPoints(await prepared(weights), omega);
  const several = columnPoints(
    await prepared(matrixOfColumns(copies.map(({ column }) => column))),
    undefined,
  );
  const weighted = await lloyd(single, start, 6, inertiaObjective, {});
  const repeated = await lloyd(
    several,
    Int32Array.from(copies, ({ j }) => start[j]!),
    6,
    inertiaObjective,
    {},
  );
  expect([...repeated.partition.assignment]).toEqual(copies.map(({ j }) => weighted.partition.assignment[j]));
  const unweighted = await lloyd(
    { ...single, weights: new Float64Array(24).fill(1) },
    start,
    6,
    inertiaObjective,
    {},
  );
  expect(unweighted.partition.assignment).not.toEqual(weighted.partition.assignment);
});

interface Copy {
  readonly column: number[];
  readonly j: number;
}

test('an emptied cluster takes the column that fits worst', async () => {
  // Both columns of cluster 0 are nearer to the other clusters' means.
  const columns = await prepared(matrixOfColumns([[1], [9], [0.9], [0.8], [2.3], [9], [9.2]]));
  const start = Int32Array.of(0, 0, 1, 1, 1, 2, 2);
  const { partition } = await lloyd(columnPoints(columns, undefined), start, 3, inertiaObjective, {});
  expect([...partition.assignment]).toEqual([1, 2, 1, 1, 0, 2, 2]);
});
