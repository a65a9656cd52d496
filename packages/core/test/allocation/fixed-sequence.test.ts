import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lastPassing, strongestCandidate } from '../../src/allocation/fixed-sequence.js';

const MAIN = 1.7507;
const FALLBACK = 2.3263;

describe('strongestCandidate', () => {
  test('walks on until one fails', async () => {
    const tested: number[][] = [];
    const found = await strongestCandidate(10, 4, async (i, deviations) => {
      tested.push([i, deviations]);
      return i < 7;
    });
    expect(found).toBe(6);
    expect(tested).toEqual([4, 5, 6, 7].map((i) => [i, MAIN]));
  });

  test('starts from the mildest when the promising one fails, and asks for more there', async () => {
    const tested: number[][] = [];
    const found = await strongestCandidate(10, 4, async (i, deviations) => {
      tested.push([i, deviations]);
      return i < 2;
    });
    expect(found).toBe(1);
    expect(tested).toEqual([
      [4, MAIN],
      [0, FALLBACK],
      [1, FALLBACK],
      [2, FALLBACK],
    ]);
  });

  test('finds nothing where nothing holds', async () => {
    expect(await strongestCandidate(5, 0, async () => false)).toBeUndefined();
    expect(await strongestCandidate(5, 3, async () => false)).toBeUndefined();
  });
});

test('lastPassing finds the last one', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(40), async (count, last) => {
      const end = Math.min(last, count - 1);
      expect(await lastPassing(count, async (i) => i <= end)).toBe(end);
    }),
  ));
