import { describe, expect, test } from 'vitest';
import { furthestWithin } from '../../src/allocation/furthest-within.js';

/** A path of which the true error is another function than the one that is foretold. */
function search(
  errorAt: (place: number) => number,
  { steps = 1000, candidates = 6, enough = 0.7, maxError = 0.1 } = {},
) {
  const tried: number[] = [];
  const floor = (place: number): number => Math.floor(place * steps) / steps;
  const found = furthestWithin(maxError, {
    lossAt: (place) => place ** 2,
    leaves: (place) => String(floor(place)),
    at: async (place) => {
      tried.push(floor(place));
      return { place: floor(place), error: errorAt(floor(place)) };
    },
    candidates,
    enough,
  });
  return { found, tried };
}

describe('the furthest place within an error', () => {
  test('is found at once where losses tell it', async () => {
    const { found, tried } = search((place) => place ** 2);
    expect((await found)!.error).toBeGreaterThan(0.08);
    expect(tried).toHaveLength(1);
  });

  test.each([4, 0.25])('is found where the error is %d times what was foretold', async (factor) => {
    const { found, tried } = search((place) => factor * place ** 2);
    const { error } = (await found)!;
    expect(error).toBeLessThanOrEqual(0.1);
    expect(error).toBeGreaterThan(0.07);
    expect(tried.length).toBeLessThanOrEqual(3);
  });

  // The first candidate has 0.765 of the budget.
  test.each([
    [0.7, 1],
    [0.8, 2],
  ])('with the share %s of the budget being enough it takes %d', async (enough, count) => {
    const { found, tried } = search((place) => 0.85 * place ** 2, { enough });
    expect((await found)!.error).toBeGreaterThan(enough * 0.1);
    expect(tried).toHaveLength(count);
  });

  test('is the end of the path where all of it is near enough', async () => {
    const { found } = search(() => 0);
    expect((await found)!.place).toBe(1);
  });

  test('no candidate is tried twice, however far places with the same one reach', async () => {
    const { found, tried } = search((place) => (place < 0.2 ? 0 : 1), { steps: 20 });
    expect((await found)!.place).toBe(0.15);
    expect(new Set(tried).size).toBe(tried.length);
  });

  test('there is none where nothing is near enough', async () => {
    const { found, tried } = search(() => 1, { steps: 5 });
    expect(await found).toBeUndefined();
    expect(tried.length).toBeLessThanOrEqual(6);
  });
});
