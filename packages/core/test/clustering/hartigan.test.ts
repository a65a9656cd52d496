import { describe, expect, test } from 'vitest';
import { hartigan } from '../../src/clustering/hartigan.js';
import { lloyd } from '../../src/clustering/lloyd.js';
import { cosineObjective, inertiaObjective } from '../../src/clustering/objective.js';
import { columnPoints, directionPoints } from '../../src/clustering/points.js';
import { type AlgorithmOptions, type Clusterer, kmeans, spherical } from '../../src/index.js';
import {
  columnsOf,
  dot,
  groupedMatrix,
  inertia,
  matrixOfColumns,
  prepared,
  randomMatrix,
  totalCosine,
  type Vector,
} from '../naive.js';

/** Inner products in float32 hide gains below this share of the objective's magnitude. */
const GRAM_ROUNDING = 1e-6;

const ones = (n: number): number[] => new Array<number>(n).fill(1);

type Value = (
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
) => number;

const cases: readonly {
  clusterer: Clusterer<AlgorithmOptions>;
  value: Value;
  magnitude: (vectors: readonly Vector[]) => number;
}[] = [
  {
    clusterer: kmeans,
    value: (...args) => -inertia(...args),
    magnitude: (vectors) => vectors.reduce((sum, v) => sum + dot(v, v), 0),
  },
  { clusterer: spherical, value: totalCosine, magnitude: (vectors) => vectors.length },
];

/** The most that moving one column to another cluster gains, by trying every move. */
function bestExchange(
  vectors: readonly Vector[],
  weights: Vector,
  assignment: ArrayLike<number>,
  k: number,
  value: Value,
): number {
  const now = value(vectors, weights, assignment, k);
  let best = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < vectors.length; j++) {
    const alone = Array.from(assignment).filter((c) => c === assignment[j]).length === 1;
    for (let c = 0; c < k && !alone; c++) {
      if (c === assignment[j]) continue;
      const moved = Array.from(assignment);
      moved[j] = c;
      best = Math.max(best, value(vectors, weights, moved, k) - now);
    }
  }
  return best;
}

describe.each(cases)('$clusterer.name', ({ clusterer, value, magnitude }) => {
  test.each([
    { m: 3, n: 24, k: 4 },
    { m: 15, n: 30, k: 12 },
    { m: 6, n: 20, k: 1 },
    { m: 6, n: 20, k: 19 },
  ])('no exchange of one column improves it: $n columns, $k clusters', async ({ m, n, k }) => {
    for (let seed = 0; seed < 4; seed++) {
      const weights = groupedMatrix(m, n, 5, seed);
      const { assignment } = await clusterer.cluster(await prepared(weights), k, {
        seed,
        algorithm: 'hartigan',
      });
      const vectors = columnsOf(weights);
      const gain = bestExchange(vectors, ones(n), assignment, k, value);
      expect(gain).toBeLessThan(GRAM_ROUNDING * magnitude(vectors));
    }
  });

  test('no exchange improves it where columns have weights, and it is not where they have none', async () => {
    const weights = groupedMatrix(4, 24, 5, 1);
    const omega = Float64Array.from({ length: 24 }, (_, j) => [1, 2, 12][j % 3]!);
    const columns = await prepared(weights);
    const vectors = columnsOf(weights);
    const run = async (options: { weights?: Float64Array }): Promise<number> => {
      const { assignment } = await clusterer.cluster(columns, 5, options);
      return bestExchange(vectors, [...omega], assignment, 5, value);
    };
    const tolerance = 12 * GRAM_ROUNDING * magnitude(vectors);
    expect(await run({ weights: omega })).toBeLessThan(tolerance);
    expect(await run({})).toBeGreaterThan(tolerance);
  });

  test('integer weights mean what as many copies of the column mean', async () => {
    const weights = groupedMatrix(5, 16, 4, 2);
    const omega = Float64Array.from({ length: 16 }, (_, j) => 1 + (j % 4));
    const { assignment, objective } = await clusterer.cluster(await prepared(weights), 5, { weights: omega });
    const vectors = columnsOf(weights);
    const copies = [...omega].flatMap((count, j) => new Array<number>(count).fill(j));
    const repeated = value(
      copies.map((j) => vectors[j]!),
      ones(copies.length),
      copies.map((j) => assignment[j]!),
      5,
    );
    expect(Math.abs(Math.abs(repeated) - objective!)).toBeLessThan(4 * GRAM_ROUNDING * magnitude(vectors));
  });

  test('it is at least as good as where it starts, and as Lloyd', async () => {
    let strictly = 0;
    for (let seed = 0; seed < 6; seed++) {
      const weights = groupedMatrix(30, 60, 9, seed);
      const columns = await prepared(weights);
      const vectors = columnsOf(weights);
      const points =
        clusterer === kmeans ? columnPoints(columns, undefined) : directionPoints(columns, undefined);
      const objective = clusterer === kmeans ? inertiaObjective : cosineObjective;
      const start = Int32Array.from({ length: 60 }, (_, j) => (j * 11) % 20);
      const stuck = await lloyd(points, start, 20, objective, {});
      const stuckAt = stuck.partition.assignment.slice();
      const freed = await hartigan(points, stuckAt, 20, objective);
      expect(stuckAt).toEqual(stuck.partition.assignment);
      const before = value(vectors, ones(60), stuckAt, 20);
      const after = value(vectors, ones(60), freed.partition.assignment, 20);
      expect(after).toBeGreaterThanOrEqual(before - GRAM_ROUNDING * magnitude(vectors));
      if (after > before + 1e-3 * magnitude(vectors)) strictly++;
    }
    expect(strictly).toBeGreaterThanOrEqual(5);
  });

  test('bounds save work and change nothing', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const weights = groupedMatrix(12, 150, 20, seed);
      const columns = await prepared(weights);
      const points =
        clusterer === kmeans ? columnPoints(columns, undefined) : directionPoints(columns, undefined);
      const objective = clusterer === kmeans ? inertiaObjective : cosineObjective;
      const start = Int32Array.from({ length: 150 }, (_, j) => (j * 7) % 40);
      const bounded = await hartigan(points, start, 40, objective);
      const plain = await hartigan(points, start, 40, objective, { bounds: false });
      expect(bounded.partition.assignment).toEqual(plain.partition.assignment);
      expect(bounded.iterations).toBe(plain.iterations);
    }
  });

  test('it comes to an end where exchanges change nothing', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const few = columnsOf(randomMatrix(5, 3, seed));
      const columns = await prepared(matrixOfColumns(Array.from({ length: 12 }, (_, j) => few[j % 3]!)));
      let passes = 0;
      const onProgress = (): void => {
        if (++passes > 100) throw new Error('it goes round in circles');
      };
      const { assignment } = await clusterer.cluster(columns, 6, { seed, onProgress });
      expect(new Set(assignment).size).toBe(6);
    }
  });

  test('what it keeps of a partition is right at the end', async () => {
    const columns = await prepared(groupedMatrix(6, 40, 6, 4));
    const points = columnPoints(columns, undefined);
    const start = Int32Array.from({ length: 40 }, (_, j) => j % 9);
    const { partition } = await hartigan(points, start, 9, inertiaObjective);
    const count = (c: number): number => partition.assignment.filter((own) => own === c).length;
    expect([...partition.sizes]).toEqual(Array.from({ length: 9 }, (_, c) => count(c)));
    expect([...partition.weights]).toEqual([...partition.sizes]);
    expect([...start]).toEqual(Array.from({ length: 40 }, (_, j) => j % 9));
  });
});

test('by hand: it leaves a partition that Lloyd cannot', async () => {
  // A = {0, 4}, B = {7, 7.2}. The middle column is 2 from A's mean and 3.1 from B's, so Lloyd stays; yet moving it takes 8 off A
  // and adds (2/3)·3.1² ≈ 6.4 to B.
  const columns = await prepared(matrixOfColumns([[1e-3], [4], [7], [7.2]]));
  const points = columnPoints(columns, undefined);
  const start = Int32Array.of(0, 0, 1, 1);
  const stuck = await lloyd(points, start, 2, inertiaObjective, {});
  expect([...stuck.partition.assignment]).toEqual([0, 0, 1, 1]);
  const freed = await hartigan(points, start, 2, inertiaObjective);
  expect([...freed.partition.assignment]).toEqual([0, 1, 1, 1]);
});
