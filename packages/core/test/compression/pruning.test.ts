import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denseMatrix, pruneByMagnitude, sparsityOf } from '../../src/index.js';

const zerosIn = (values: Float32Array): number => values.filter((value) => value === 0).length;

/** Weights of all magnitudes or of nearly one, with zeros and ties. */
const weights = fc
  .array(
    fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 0.5, -0.5, 1, -1),
      fc.constantFrom(2 ** -149, -(2 ** -149)),
      fc.integer({ min: -20, max: 20 }).map((i) => Math.sign(i) * (1 + Math.abs(i) * 2 ** -20)),
    ),
    { minLength: 1, maxLength: 60, size: 'max' },
  )
  .map((values) => denseMatrix(1, values.length, Float32Array.from(values)));
/** Evenly spread: a double of fast-check would nearly always be close to zero. */
const share = fc.integer({ min: 0, max: 999 }).map((i) => i / 1000);

test('the count of zeros is exact, and never falls', () => {
  fc.assert(
    fc.property(weights, share, (matrix, sparsity) => {
      const before = zerosIn(matrix.data);
      const wanted = Math.round(sparsity * matrix.data.length);
      const pruned = pruneByMagnitude(matrix, sparsity);
      expect(zerosIn(pruned.data)).toBe(Math.max(before, wanted));
      if (before >= wanted) expect(pruned).toBe(matrix);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test('what stays keeps its value, and is no smaller than what goes', () => {
  fc.assert(
    fc.property(weights, share, (matrix, sparsity) => {
      const original = matrix.data.slice();
      const { data } = pruneByMagnitude(matrix, sparsity);
      let largestGone = 0;
      let smallestKept = Number.POSITIVE_INFINITY;
      data.forEach((value, i) => {
        if (value === 0) largestGone = Math.max(largestGone, Math.abs(original[i]!));
        else {
          expect(value).toBe(original[i]);
          smallestKept = Math.min(smallestKept, Math.abs(value));
        }
      });
      expect(largestGone).toBeLessThanOrEqual(smallestKept);
      expect(matrix.data).toEqual(original);
    }),
    { numRuns: 300, seed: 2 },
  );
});

test('twice is once', () => {
  fc.assert(
    fc.property(weights, share, (matrix, sparsity) => {
      const once = pruneByMagnitude(matrix, sparsity);
      expect(pruneByMagnitude(once, sparsity)).toBe(once);
    }),
    { numRuns: 100, seed: 3 },
  );
});

test.each([
  [0.5, [0, -4, 0, 3, 0, 5]],
  [1 / 6, [2, -4, 0, 3, -2, 5]],
  [2 / 6, [0, -4, 0, 3, -2, 5]],
  [0.99, [0, 0, 0, 0, 0, 0]],
])('by hand at %s: among equals the first go first', (sparsity, expected) => {
  const matrix = denseMatrix(2, 3, Float32Array.of(2, -4, 1, 3, -2, 5));
  const pruned = pruneByMagnitude(matrix, sparsity);
  expect([pruned.rows, pruned.cols]).toEqual([2, 3]);
  expect([...pruned.data]).toEqual(expected);
});

test('a view into a larger array is pruned alone', () => {
  const data = Float32Array.of(9, 1, 2, 3, 9);
  const pruned = pruneByMagnitude(denseMatrix(1, 3, data.subarray(1, 4)), 0.34);
  expect([...pruned.data]).toEqual([0, 2, 3]);
  expect([...data]).toEqual([9, 1, 2, 3, 9]);
});

test.each([-0.1, 1, 1.5, Number.NaN])('a sparsity of %s is refused', (sparsity) => {
  expect(() => pruneByMagnitude(denseMatrix(1, 2), sparsity)).toThrow(
    expect.objectContaining({
      code: 'BAD_ARGUMENT',
      message: `sparsity: must be in [0, 1), got ${sparsity}`,
    }),
  );
});

test('sparsityOf is the share of zeros', () => {
  expect(sparsityOf(denseMatrix(2, 2, Float32Array.of(0, 1, -0, 2)))).toBe(0.5);
  expect(sparsityOf(denseMatrix(0, 2))).toBe(0);
});
