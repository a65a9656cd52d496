import { describe, expect, test } from 'vitest';
import {
  computeGram,
  kmeans,
  type MatrixEngine,
  portableEngine,
  prepareColumns,
  spherical,
  transpose,
} from '../../src/index.js';
import { computedGram } from '../../src/matrix/computed-gram.js';
import { groupedMatrix, largestDifference, randomMatrix } from '../naive.js';

const KILOBYTE = 1024;

describe.each([1, 5, 40])('%s columns', (n) => {
  const columns = randomMatrix(7, n, 1);

  test('rows are those of a matrix that is held', async () => {
    const held = await computeGram(transpose(columns), portableEngine);
    const computed = computedGram(columns, held.diagonal, portableEngine, KILOBYTE);
    expect(computed.size).toBe(n);
    expect(computed.values).toBeUndefined();
    expect(largestDifference(await computed.rows(0, n), await held.rows(0, n))).toBe(0);
    const half = Math.floor(n / 2);
    expect(largestDifference(await computed.rows(half, n), await held.rows(half, n))).toBe(0);
  });

  test('any rows can be asked for, in any order and twice', async () => {
    const held = await computeGram(transpose(columns), portableEngine);
    const indices = Int32Array.of(n - 1, 0, Math.floor(n / 2), 0);
    for (const gram of [held, computedGram(columns, held.diagonal, portableEngine, KILOBYTE)]) {
      const row = await gram.rowsAt(indices);
      for (let p = indices.length - 1; p >= 0; p--) {
        const expected = await held.rows(indices[p]!, indices[p]! + 1);
        expect(row(p)).toHaveLength(n);
        expect(largestDifference(row(p), expected)).toBe(0);
      }
    }
  });

  test('a part can be asked for', async () => {
    const held = await computeGram(transpose(columns), portableEngine);
    const rows = Int32Array.of(n - 1, Math.floor(n / 2));
    const some = Int32Array.of(Math.floor(n / 2), ...(n > 2 ? [0, n - 1] : []));
    const expected = [...rows].flatMap((i) => [...some].map((j) => held.values![i * n + j]!));
    for (const gram of [held, computedGram(columns, held.diagonal, portableEngine, KILOBYTE)])
      expect([...(await gram.at(rows, some))]).toEqual(expected);
  });
});

test.each([
  [0, 16],
  [4 * (100 + 300) * 50, 50],
  [1e12, 1024],
])('a budget of %s bytes: %s rows at a time', async (budget, rows) => {
  const gram = computedGram(randomMatrix(300, 100, 1), new Float64Array(100), portableEngine, budget);
  expect(gram.blockRows).toBe(rows);
});

describe('prepareColumns', () => {
  const weights = groupedMatrix(9, 40, 5, 1);
  // A column of zeros moves all that follow it.
  for (let i = 0; i < 9; i++) weights.data[i * 40 + 3] = 0;
  const size = 39 * 39 * Float32Array.BYTES_PER_ELEMENT;

  test('holds the matrix when it fits and computes its rows when not', async () => {
    const held = await prepareColumns(weights, portableEngine, { memory: size });
    const computed = await prepareColumns(weights, portableEngine, { memory: size - 1 });
    expect([held.gram.values === undefined, computed.gram.values === undefined]).toEqual([false, true]);
    expect(computed.positions).toEqual(held.positions);
    expect(computed.norms).toEqual(held.norms);
    expect(largestDifference(await computed.gram.rows(0, 39), await held.gram.rows(0, 39))).toBe(0);
  });

  test.each([kmeans, spherical])('$name finds the same either way', async (clusterer) => {
    const held = await prepareColumns(weights, portableEngine);
    const computed = await prepareColumns(weights, portableEngine, { memory: 0 });
    for (const algorithm of ['lloyd', 'hartigan'] as const) {
      const expected = await clusterer.cluster(held, 12, { algorithm });
      expect(await clusterer.cluster(computed, 12, { algorithm })).toEqual(expected);
    }
  });

  test('the engine computes what is asked for, and no more at a time', async () => {
    const heights: number[] = [];
    const watched: MatrixEngine = {
      ...portableEngine,
      multiply: (a, b) => {
        heights.push(a.rows);
        return portableEngine.multiply(a, b);
      },
    };
    const { gram } = await prepareColumns(weights, watched, { memory: 0 });
    expect(heights).toEqual([]);
    await gram.rows(3, 10);
    await gram.rowsAt(Int32Array.of(1, 30));
    expect(heights).toEqual([7, 2]);
  });
});
