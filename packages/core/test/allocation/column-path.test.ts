import { describe, expect, test } from 'vitest';
import { type MeasuredLayer, pathOfColumns } from '../../src/allocation/column-path.js';

/** Errors that go with `(ρ / (1 − ρ))^slope`. */
const measured = (layer: string, cost: number, error: number, slope: number): MeasuredLayer => ({
  layer,
  errors: [
    [0.5, error],
    [0.875, error * 7 ** slope],
  ],
  savings: [cost],
});
const SLOPE = 1.8;
const layers = [
  measured('large', 1000, 0.01, SLOPE),
  measured('small', 50, 0.01, SLOPE),
  measured('free', 200, 0, SLOPE),
];
const costs = new Map(layers.map(({ layer, savings: [cost] }) => [layer, cost!]));
const left = (ratios: ReadonlyMap<string, number>): number =>
  [...ratios].reduce((sum, [layer, ratio]) => sum + costs.get(layer)! * (1 - ratio), 0);
const places = Array.from({ length: 101 }, (_, i) => i / 100);

describe('a path of ratios', () => {
  test('goes from nothing to the most, and no layer ever comes back', () => {
    const path = pathOfColumns(layers);
    expect(Math.max(...path(0).ratios.values())).toBeLessThan(0.002);
    expect(Math.min(...path(1).ratios.values())).toBeCloseTo(0.98, 6);
    for (const place of places.slice(1)) {
      const [before, here] = [path(place - 0.01), path(place)];
      for (const [layer, ratio] of here.ratios)
        expect(ratio).toBeGreaterThanOrEqual(before.ratios.get(layer)!);
      expect(here.loss).toBeGreaterThanOrEqual(before.loss);
    }
  });

  test('takes more of what costs more and loses as much, and first what loses nothing', () => {
    const { ratios } = pathOfColumns(layers)(0.2);
    expect(ratios.get('large')).toBeGreaterThan(ratios.get('small')! + 0.1);
    expect(ratios.get('free')).toBeGreaterThan(ratios.get('large')! + 0.1);
  });

  test.each([
    [0.5, [1.8, 2.5]],
    [0.875, [0.6, 1, 2.5]],
  ])('a layer loses what was measured at %s, however its errors grow', (ratio, slopes) => {
    for (const slope of slopes) {
      const path = pathOfColumns([measured('one', 100, 0.01, slope)]);
      const near = places.flatMap((place) => {
        const { ratios, loss } = path(place);
        return Math.abs(ratios.get('one')! - ratio) < 0.03 ? [loss] : [];
      });
      const expected = 0.01 * (ratio / (1 - ratio)) ** slope;
      expect(Math.min(...near)).toBeLessThan(expected);
      expect(Math.max(...near)).toBeGreaterThan(expected);
    }
  });

  test('no other ratios of two layers with as much error leave less', () => {
    const [large, small] = layers;
    const path = pathOfColumns([large!, small!]);
    const { ratios, loss } = path(0.2);
    const lost = (ratio: number): number => 0.01 * (ratio / (1 - ratio)) ** SLOPE;
    const sum = lost(ratios.get('large')!) + lost(ratios.get('small')!);
    // Straight between the points of a curve.
    expect(Math.abs(loss / sum - 1)).toBeLessThan(1e-2);
    for (let own = 0.01; own < 0.98; own += 0.01) {
      const rest = loss - lost(own);
      if (rest <= 0) continue;
      const x = (rest / 0.01) ** (1 / SLOPE);
      const other = new Map([
        ['large', own],
        ['small', Math.min(0.98, x / (1 + x))],
      ]);
      expect(left(other)).toBeGreaterThan(left(ratios) * (1 - 1e-2));
    }
  });
});
