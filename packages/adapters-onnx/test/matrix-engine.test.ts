import { type DenseMatrix, denseMatrix } from '@spherize/core';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { randomValues } from './build-model.js';
import { RUNTIMES } from './runtimes.js';

/** Sums of up to forty float32 products in another order. */
const ROUNDING = 1e-5;

function naive(a: DenseMatrix, b: DenseMatrix): number[] {
  const result: number[] = [];
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.cols; j++) {
      let sum = 0;
      for (let k = 0; k < a.cols; k++) sum += a.data[i * a.cols + k]! * b.data[k * b.cols + j]!;
      result.push(sum);
    }
  }
  return result;
}

function random(rows: number, cols: number, seed: number): DenseMatrix {
  return denseMatrix(rows, cols, randomValues(rows * cols, seed));
}

describe.each(RUNTIMES)('the $runtime engine', ({ onnxRuntimeEngine }) => {
  const engine = onnxRuntimeEngine();
  afterAll(() => engine.release());

  test('it multiplies like loops do, empty matrices too', async () => {
    const size = fc.integer({ min: 0, max: 40 });
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.nat(), async (n, p, q, seed) => {
        const [a, b] = [random(n, p, seed), random(p, q, seed + 1)];
        const product = await engine.multiply(a, b);
        expect([product.rows, product.cols]).toEqual([n, q]);
        naive(a, b).forEach((value, i) => {
          expect(Math.abs(product.data[i]! - value)).toBeLessThan(ROUNDING);
        });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('products may overlap, and go on after a release', async () => {
    const [a, b] = [random(30, 20, 1), random(20, 10, 2)];
    const products = await Promise.all([1, 2, 3, 4].map(() => engine.multiply(a, b)));
    for (const product of products) expect(product).toEqual(products[0]);
    await engine.release();
    await engine.release();
    expect(await engine.multiply(a, b)).toEqual(products[0]);
  });

  test('shapes that do not fit are refused', async () => {
    await expect(engine.multiply(random(2, 3, 1), random(2, 3, 1))).rejects.toMatchObject({
      code: 'BAD_MATRIX',
      message: 'onnxruntime: cannot multiply [2, 3] by [2, 3]',
    });
  });
});
