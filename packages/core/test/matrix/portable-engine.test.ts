import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denseMatrix, portableEngine } from '../../src/index.js';
import { product, randomMatrix } from '../naive.js';

test('products are those of loops, bit by bit: both sum in float64 in the same order', async () => {
  const size = fc.integer({ min: 0, max: 20 });
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.nat(), async (n, p, q, seed) => {
      const [a, b] = [randomMatrix(n, p, seed), randomMatrix(p, q, seed + 1)];
      expect(await portableEngine.multiply(a, b)).toEqual(product(a, b));
    }),
    { numRuns: 60, seed: 1 },
  );
});

test.each([511, 512, 513, 1025])('panels of 512 columns join without a seam: %s columns', async (q) => {
  const [a, b] = [randomMatrix(3, 4, 1), randomMatrix(4, q, 2)];
  expect(await portableEngine.multiply(a, b)).toEqual(product(a, b));
});

test('sums are accumulated in float64', async () => {
  const a = denseMatrix(1, 3, Float32Array.of(1e8, 1, -1e8));
  const b = denseMatrix(3, 1, Float32Array.of(1, 1, 1));
  expect([...(await portableEngine.multiply(a, b)).data]).toEqual([1]);
});

test('shapes that do not fit are refused', async () => {
  await expect(portableEngine.multiply(denseMatrix(2, 3), denseMatrix(2, 3))).rejects.toMatchObject({
    code: 'BAD_MATRIX',
    message: 'multiply: the inner dimensions must agree, got [2, 3] · [2, 3]',
  });
});
