import { describe, expect, it } from 'vitest';
import { invertByBlocks } from '../../src/calibration/block-inverse.js';
import { type DoubleMatrix, multiplyDoubles } from '../../src/matrix/double-matrix.js';
import { portableEngine } from '../../src/matrix/portable-engine.js';
import { Random } from '../../src/random.js';

/** Float64, a few hundred products, condition numbers of about a thousand. */
const ROUNDING = 9;

function random(rows: number, cols: number, seed: number): DoubleMatrix {
  const source = new Random(seed);
  return { rows, cols, data: Float64Array.from({ length: rows * cols }, () => source.normal()) };
}

function transposed({ rows, cols, data }: DoubleMatrix): DoubleMatrix {
  return {
    rows: cols,
    cols: rows,
    data: Float64Array.from(data, (_, at) => data[(at % rows) * cols + Math.floor(at / rows)]!),
  };
}

it.each([
  [1, 1, 1],
  [2, 3, 4],
  [5, 7, 9],
  [33, 0, 2],
  [40, 41, 42],
])('%i rows, sums of %i products, %i columns: multiplies in float64', async (n, p, q) => {
  const [a, b] = [random(n, p, 1), random(p, q, 2)];
  const { rows, cols, data } = await multiplyDoubles(portableEngine, a, b);
  expect([rows, cols]).toEqual([n, q]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < q; j++) {
      let sum = 0;
      for (let k = 0; k < p; k++) sum += a.data[i * p + k]! * b.data[k * q + j]!;
      expect(data[i * q + j]).toBeCloseTo(sum, 12);
    }
  }
});

it('hands large products to an engine that has them, and refuses shapes that do not agree', async () => {
  const asked: string[] = [];
  const engine = {
    ...portableEngine,
    async multiplyDoubles(a: DoubleMatrix, b: DoubleMatrix) {
      asked.push(`${a.rows} ${a.cols} ${b.cols}`);
      return multiplyDoubles(portableEngine, a, b);
    },
  };
  await multiplyDoubles(engine, random(2, 3, 1), random(3, 4, 2));
  await multiplyDoubles(engine, random(64, 64, 1), random(64, 64, 2));
  expect(asked).toEqual(['64 64 64']);
  await expect(multiplyDoubles(engine, random(2, 3, 1), random(2, 3, 2))).rejects.toThrow(
    'multiply: the inner dimensions must agree, got [2, 3] · [2, 3]',
  );
});

describe('the inverse by blocks', () => {
  // One block, just more than one, several, and more rows than one product changes.
  it.each([1, 96, 97, 250, 400])('of %i columns is the inverse', async (n) => {
    const z = random(n, 2 * n, n);
    const { data: matrix } = await multiplyDoubles(portableEngine, z, transposed(z));
    const inverse = matrix.slice();
    // The lower triangle is all that is read.
    for (let i = 0; i < n; i++) inverse.fill(Number.NaN, i * n + i + 1, (i + 1) * n);
    expect(await invertByBlocks(inverse, n, portableEngine)).toBe(true);
    const square = (data: Float64Array): DoubleMatrix => ({ rows: n, cols: n, data });
    const { data: one } = await multiplyDoubles(portableEngine, square(matrix), square(inverse));
    let worst = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) worst = Math.max(worst, Math.abs(one[i * n + j]! - (i === j ? 1 : 0)));
    expect(worst).toBeCloseTo(0, ROUNDING);
  });

  it('says where there is none', async () => {
    const n = 150;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) matrix[i * n + i] = i === 120 ? 0 : 1;
    expect(await invertByBlocks(matrix, n, portableEngine)).toBe(false);
  });
});
