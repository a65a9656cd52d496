import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnPoints, directionPoints } from '../../src/clustering/points.js';
import { seedPlusPlus } from '../../src/clustering/seeding.js';
import { Random } from '../../src/index.js';
import {
  columnsOf,
  matrixOfColumns,
  prepared,
  randomMatrix,
  squaredDistance,
  type Vector,
} from '../naive.js';

test('well separated groups get a seed each', async () => {
  const centres = columnsOf(randomMatrix(6, 8, 1));
  const weights = matrixOfColumns(
    Array.from({ length: 80 }, (_, j) => centres[j % 8]!.map((v, i) => 1000 * v + Math.cos(j + 3 * i))),
  );
  const columns = await prepared(weights);
  for (const points of [columnPoints(columns, undefined), directionPoints(columns, undefined)]) {
    for (let seed = 0; seed < 20; seed++) {
      const nearest = await seedPlusPlus(points, 8, new Random(seed), {});
      expect(new Set(nearest.subarray(0, 8)).size).toBe(8);
      for (let j = 8; j < 80; j++) expect(nearest[j]).toBe(nearest[j - 8]);
    }
  }
});

test('every column is with its nearest seed', async () => {
  const n = 18;
  const weights = randomMatrix(4, n, 2);
  const vectors = columnsOf(weights);
  const points = columnPoints(await prepared(weights), undefined);
  for (let seed = 0; seed < 10; seed++) {
    const nearest = await seedPlusPlus(points, 3, new Random(seed), {});
    const members = [0, 1, 2].map((c) => vectors.filter((_, j) => nearest[j] === c));
    // Which members are the seeds is not told: some choice of one per cluster has to explain the whole assignment.
    const explains = (seeds: readonly Vector[]): boolean =>
      vectors.every((vector, j) => {
        const distances = seeds.map((candidate) => squaredDistance(vector, candidate));
        return distances.indexOf(Math.min(...distances)) === nearest[j];
      });
    const choices = members[0]!.flatMap((a) => members[1]!.flatMap((b) => members[2]!.map((c) => [a, b, c])));
    expect(choices.some(explains)).toBe(true);
  }
});

test('no cluster is empty, whatever is duplicated', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 0, max: 1000 }).map((i) => i / 1000),
      fc.nat(),
      async (distinct, n, share, seed) => {
        const few = columnsOf(randomMatrix(5, distinct, seed));
        const columns = await prepared(
          matrixOfColumns(
            Array.from({ length: n }, (_, j) => few[j % distinct]!.map((v) => v * (1 + 0.3 * (j % 4)))),
          ),
        );
        const k = 1 + Math.floor(share * (n - 1));
        for (const points of [columnPoints(columns, undefined), directionPoints(columns, undefined)]) {
          const nearest = await seedPlusPlus(points, k, new Random(seed), {});
          expect(new Set(nearest).size).toBe(k);
        }
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

/** Draws per distribution test: with fixed seeds the outcome is fixed, and far from any bound only if the odds are right. */
const DRAWS = 4000;
/** Standard deviations that a frequency may be off. */
const SIGMAS = 4;

test.each([{ omega: [1, 1, 1] }, { omega: [1, 4, 2] }])(
  'seeds are drawn with the odds of k-means++, weights $omega',
  async ({ omega }) => {
    const vectors = [
      [1, 0],
      [1, 1],
      [1, 3],
    ];
    const points = columnPoints(await prepared(matrixOfColumns(vectors)), Float64Array.from(omega));
    const expected = oddsOfPairs(vectors, omega);
    const found = new Map<string, number>();
    for (let seed = 0; seed < DRAWS; seed++) {
      // Three seeds for three columns: the assignment tells the order in which they were drawn.
      const start = await seedPlusPlus(points, 3, new Random(seed), {});
      const pair = `${start.indexOf(0)}, ${start.indexOf(1)}`;
      found.set(pair, (found.get(pair) ?? 0) + 1);
    }
    for (const [pair, odds] of expected) {
      const deviation = Math.sqrt(DRAWS * odds * (1 - odds));
      expect(Math.abs((found.get(pair) ?? 0) - DRAWS * odds)).toBeLessThan(SIGMAS * deviation);
    }
  },
);

/** Odds of every first and second seed. */
function oddsOfPairs(vectors: number[][], omega: number[]): Map<string, number> {
  const result = new Map<string, number>();
  const sum = (values: number[]): number => values.reduce((a, b) => a + b);
  vectors.forEach((first, f) => {
    const masses = vectors.map((vector, j) => omega[j]! * squaredDistance(first, vector));
    masses.forEach((mass, s) => {
      if (s !== f) result.set(`${f}, ${s}`, (omega[f]! / sum(omega)) * (mass / sum(masses)));
    });
  });
  return result;
}
