import { describe, expect, test } from 'vitest';
import {
  computeGram,
  type DenseMatrix,
  denseMatrix,
  type MatrixEngine,
  portableEngine,
  prepareColumns,
  transpose,
} from '../../src/index.js';
import { releaseGram } from '../../src/matrix/gram.js';
import { largestDifference, product, randomMatrix } from '../naive.js';

/** Sums of up to ten products of standard normal numbers in float64, rounded once to float32: values below 64. */
const ROUNDED_ONCE = 64 * 2 ** -24;

/** One block of the dense path; sizes beside it and beyond. */
const BLOCK = 1024;

/** Loops, but called native: dense products are used unless nearly all values are zero. */
const dense: MatrixEngine = { ...portableEngine, native: true };

/** V of shape `[n, m]` with that share of non-zeros. */
function vectorsOf(n: number, m: number, density: number, seed = 1): DenseMatrix {
  const vectors = randomMatrix(n, m, seed);
  const keep = randomMatrix(1, n * m, seed + 1).data.map(Math.abs);
  const bar = keep.toSorted()[Math.round(density * n * m) - 1]!;
  vectors.data.forEach((_, i) => {
    if (keep[i]! > bar) vectors.data[i] = 0;
  });
  return vectors;
}

describe.each([1, 2, 31, 33, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])('%s vectors', (n) => {
  const m = n > BLOCK ? 3 : 10;
  const vectors = vectorsOf(n, m, 0.45);
  const expected = n > BLOCK + 1 ? undefined : product(vectors, transpose(vectors));

  test('dense and sparse products agree with loops', async () => {
    const byProducts = await computeGram(vectors, dense);
    const byRows = await computeGram(vectors, portableEngine);
    const [first, second] = [await byProducts.rows(0, n), await byRows.rows(0, n)];
    expect(largestDifference(first, second)).toBeLessThan(ROUNDED_ONCE);
    if (expected) expect(largestDifference(first, expected.data)).toBeLessThan(ROUNDED_ONCE);
    expect([byProducts.size, byRows.size]).toEqual([n, n]);
    expect(isSymmetric(first, n)).toBe(true);
    expect(isSymmetric(second, n)).toBe(true);
  });

  test('any rows can be asked for', async () => {
    const gram = await computeGram(vectors, dense);
    const all = (await gram.rows(0, n)).slice();
    for (const start of [n - 1, Math.floor(n / 2)]) {
      expect(largestDifference(await gram.rows(start, n), all.subarray(start * n))).toBe(0);
    }
    expect(await gram.rows(0, 0)).toHaveLength(0);
  });
});

test('both paths were taken', async () => {
  const phases = async (engine: MatrixEngine, density: number): Promise<number | undefined> => {
    let total: number | undefined;
    await computeGram(vectorsOf(40, 20, density), engine, {
      onProgress: (progress) => {
        expect(progress.phase).toBe('gram');
        total = progress.total;
      },
    });
    return total;
  };
  // One block of a dense product against forty rows of a sparse one.
  expect(await phases(dense, 0.45)).toBe(1);
  expect(await phases(dense, 0.02)).toBe(40);
  expect(await phases(portableEngine, 0.45)).toBe(40);
  expect(await phases(portableEngine, 1)).toBe(1);
});

test('squared norms are accumulated in float64', async () => {
  const vectors = randomMatrix(7, 5000, 3);
  const gram = await computeGram(vectors, portableEngine);
  expect(gram.diagonal).toBeInstanceOf(Float64Array);
  const rows = await gram.rows(0, 7);
  for (let j = 0; j < 7; j++) {
    const squares = [...vectors.data.subarray(j * 5000, (j + 1) * 5000)].map((value) => value * value);
    const norm = squares.reduce((a, b) => a + b);
    expect(gram.diagonal[j]).toBe(norm);
    expect(rows[j * 7 + j]).toBe(Math.fround(norm));
  }
});

test('it is symmetric, however the engine rounds', async () => {
  // As native products do: an element depends on its place in the block by some last places.
  const uneven: MatrixEngine = {
    ...dense,
    async multiply(a, b) {
      const result = await portableEngine.multiply(a, b);
      return { ...result, data: result.data.map((value, i) => value * (1 + 1e-6 * (i % 7))) };
    },
  };
  const gram = await computeGram(randomMatrix(BLOCK + 50, 3, 1), uneven);
  expect(isSymmetric(await gram.rows(0, gram.size), gram.size)).toBe(true);
});

test('no vectors, and vectors of no dimensions', async () => {
  expect((await computeGram(randomMatrix(0, 5, 1), dense)).size).toBe(0);
  const gram = await computeGram(randomMatrix(3, 0, 1), dense);
  expect([...(await gram.rows(0, 3))]).toEqual(new Array(9).fill(0));
});

test('it stops between blocks', async () => {
  const reason = new Error('enough');
  for (const density of [1, 0.01]) {
    const controller = new AbortController();
    let events = 0;
    const running = computeGram(vectorsOf(2 * BLOCK + 1, 2, density), dense, {
      signal: controller.signal,
      onProgress: () => {
        events++;
        controller.abort(reason);
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(events).toBeLessThanOrEqual(2);
  }
});

describe.each<[string, MatrixEngine, number]>([
  ['dense', dense, 0.45],
  ['sparse', portableEngine, 0.2],
])('columns of a matrix, %s', (_, engine, density) => {
  test.each([1, 70, BLOCK + 7, 2 * BLOCK + 5])('%s of them give the same bits as rows', async (n) => {
    const vectors = vectorsOf(n, 6, density);
    const columns = await prepareColumns(transpose(vectors), engine);
    const positions = columns.positions;
    const rows = denseMatrix(positions.length, 6);
    positions.forEach((position, p) => {
      rows.data.set(vectors.data.subarray(position * 6, (position + 1) * 6), p * 6);
    });
    const expected = await computeGram(rows, engine);
    expect(largestDifference(columns.gram.values!, expected.values!)).toBe(0);
    expect([...columns.gram.diagonal]).toEqual([...expected.diagonal]);
  });
});

test('a released matrix is gone at once', async () => {
  const gram = await computeGram(randomMatrix(4, 3, 1), dense);
  releaseGram(gram);
  expect(gram.values).toHaveLength(0);
  const shared = await computeGram(randomMatrix(4, 3, 1), dense, { shared: true });
  releaseGram(shared);
  expect(shared.values).toHaveLength(16);
});

function isSymmetric(values: Float32Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) if (values[i * n + j] !== values[j * n + i]) return false;
  }
  return true;
}
