import { describe, expect, test } from 'vitest';
import { type MeasuredLayer, pathOfColumns } from '../../src/allocation/column-path.js';

const layers: readonly MeasuredLayer[] = [
  { layer: 'large', cost: 1000, ratio: 0.5, error: 0.01 },
  { layer: 'small', cost: 50, ratio: 0.5, error: 0.01 },
  { layer: 'free', cost: 200, ratio: 0.5, error: 0 },
];
const costs = new Map(layers.map(({ layer, cost }) => [layer, cost]));
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
    const { ratios } = pathOfColumns(layers)(0.6);
    expect(ratios.get('large')).toBeGreaterThan(ratios.get('small')! + 0.1);
    expect(ratios.get('free')).toBeGreaterThan(ratios.get('large')! + 0.1);
  });

  test('a layer loses what was measured at the ratio at which it was', () => {
    const path = pathOfColumns([layers[0]!]);
    const place = places.find((at) => path(at).ratios.get('large')! >= 0.5)!;
    expect(Math.abs(path(place).loss - 0.01)).toBeLessThan(0.003);
  });

  test('no other ratios of two layers with as much error leave less', () => {
    const [large, small] = layers;
    const path = pathOfColumns([large!, small!]);
    const { ratios, loss } = path(0.6);
    const lost = (ratio: number): number => 0.01 * (ratio / (1 - ratio)) ** 1.8;
    expect(lost(ratios.get('large')!) + lost(ratios.get('small')!)).toBeCloseTo(loss, 9);
    for (let own = 0.01; own < 0.98; own += 0.01) {
      const rest = loss - lost(own);
      if (rest <= 0) continue;
      const x = (rest / 0.01) ** (1 / 1.8);
      const other = new Map([
        ['large', own],
        ['small', Math.min(0.98, x / (1 + x))],
      ]);
      expect(left(other)).toBeGreaterThan(left(ratios) - 1e-6);
    }
  });
});
