import { describe, expect, test } from 'vitest';
import { choicesOfBoth, smallestOf } from '../../src/allocation/both-path.js';
import type { BothMeasured } from '../../src/allocation/path-of-both.js';
import type { FcLayer, Model } from '../../src/format/model-format.js';
import type { WeightType } from '../../src/format/weight-storage.js';

const layer = (name: string, inputs: number, outputs: number) =>
  ({ name, inputs, outputs, aliases: [] }) as unknown as FcLayer;
/** 4096 · 100 of the 500,000 parameters. */
const fc = layer('fc', 4096, 100);

/** A model whose files leave zeros out of these layers. */
function model(shares: Readonly<Record<string, number>>): Model {
  const withoutZeros = (type: WeightType) => new Map(type === 'int8' ? Object.entries(shares) : []);
  return { parameters: 500_000, storage: { withoutZeros } } as unknown as Model;
}

/** The layer's columns cost so much at half of them, its neurons as much as another width. */
function measured(error: number): BothMeasured {
  const points = [0.25, 0.5, 0.75].map((ratio) => ({ ratio, loss: 0.004 * ratio ** 2 }));
  return {
    layers: [
      {
        layer: 'fc',
        errors: [
          [0.5, error],
          [0.875, 4 * error],
        ],
        savings: [0.8192, 0.4],
      },
    ],
    widths: [
      { layer: 'fc:neurons', cost: 1, savings: [0.85, 0.5], points },
      { layer: 'conv', cost: 1, savings: [0.1, 0.4], points },
    ],
    products: [{ rows: 'fc:neurons', columns: 'fc', shares: [0.8192, 0.4] }],
  };
}

describe('layers whose zeros are left out', () => {
  test('may keep their columns: what is left is then counted by the bytes that they take', () => {
    const [first, second, ...others] = choicesOfBoth(model({ fc: 0.2 }), [fc], measured(0.001), 'int8');
    expect(others).toEqual([]);
    expect(first).toEqual({ measured: measured(0.001), whole: 1 });
    const left = 1 - 0.8 * 0.8192;
    expect(second!.whole).toBeCloseTo(left, 12);
    expect(second!.measured.layers).toEqual([]);
    expect(second!.measured.products).toEqual([]);
    const [neurons, conv] = second!.measured.widths;
    expect(neurons!.savings[0]).toBeCloseTo((0.85 - 0.8 * 0.8192) / left, 12);
    expect(conv!.savings[0]).toBeCloseTo(0.1 / left, 12);
    // Time is as it was.
    expect([neurons!.savings[1], conv!.savings[1]]).toEqual([0.5, 0.4]);
  });

  test('keep them where columns cost much, and lose them where they cost little', () => {
    const smallest = (error: number) =>
      smallestOf(choicesOfBoth(model({ fc: 0.2 }), [fc], measured(error), 'int8'), 0.002);
    expect(smallest(0.01).measured.layers).toEqual([]);
    expect(smallest(0.0001).measured.layers).toHaveLength(1);
    for (const error of [0.01, 0.0001]) {
      const { path, place } = smallest(error);
      expect(path(place).loss).toBeLessThanOrEqual(0.002);
      expect(path(place).loss).toBeGreaterThan(0.0019);
    }
  });

  test.each<[string, Model, FcLayer, WeightType | undefined]>([
    ['stored as floats', model({ fc: 0.2 }), fc, undefined],
    ['whose zeros are few', model({}), fc, 'int8'],
    ['that a refit changes anyway', model({ fc: 0.2 }), layer('fc', 3000, 100), 'int8'],
  ])('are none: %s', (_, own, only, storage) => {
    expect(choicesOfBoth(own, [only], measured(0.01), storage)).toHaveLength(1);
  });
});
