import { describe, expect, test } from 'vitest';
import { pathOfCurves } from '../../src/allocation/allocate-ratios.js';
import { columnCurves } from '../../src/allocation/column-path.js';
import { type BothMeasured, pathOfBoth } from '../../src/allocation/path-of-both.js';
import type { SavingCurve } from '../../src/allocation/savings.js';

/** Losses that grow as the square of the ratio. */
function width(layer: string, savings: readonly number[], most: number): SavingCurve {
  const points = [0.24, 0.48, 0.72, 0.96].map((ratio) => ({ ratio, loss: most * ratio ** 2 }));
  return { layer, cost: savings.reduce((sum, share) => sum + share, 0), savings, points };
}

const fc = {
  layer: 'fc',
  errors: [
    [0.5, 0.001],
    [0.875, 0.004],
  ],
  savings: [0.8, 0.3],
} as const;
const measured: BothMeasured = {
  layers: [fc],
  widths: [width('conv', [0.1, 0.6], 0.02)],
  products: [],
};

describe('the path of columns and widths', () => {
  test('goes from nothing to all that was measured, and neither ratios nor losses fall on the way', () => {
    const path = pathOfBoth(measured);
    expect(path(0)).toEqual({ ratios: new Map(), loss: 0 });
    const columns = columnCurves([fc])[0]!.points.at(-1)!;
    expect(path(1).ratios).toEqual(
      new Map([
        ['fc', columns.ratio],
        ['conv', 0.96],
      ]),
    );
    expect(path(1).loss).toBeCloseTo(columns.loss + 0.02 * 0.96 ** 2, 12);
    const places = Array.from({ length: 21 }, (_, i) => path(i / 20));
    for (const [i, { ratios, loss }] of places.slice(1).entries()) {
      expect(loss).toBeGreaterThan(places[i]!.loss);
      for (const [name, ratio] of places[i]!.ratios) expect(ratios.get(name)).toBeGreaterThanOrEqual(ratio);
    }
  });

  test('counts shares of what is left of an amount: the rest of what was large before as much of the other amount', () => {
    const widths = [
      width('large', [0.9, 0], 0.001),
      width('small', [0.08, 0], 0.01),
      width('other', [0, 0.3], 0.01),
    ];
    const firstOf = (at: (place: number) => { ratios: ReadonlyMap<string, number> }): string | undefined => {
      const places = Array.from({ length: 201 }, (_, i) => at(i / 200).ratios);
      const begun = (name: string): number => places.findIndex((ratios) => ratios.get(name)! > 0.01);
      return begun('small') < begun('other') ? 'small' : 'other';
    };
    expect(firstOf(pathOfCurves(widths))).toBe('other');
    expect(firstOf(pathOfBoth({ layers: [], widths, products: [] }))).toBe('small');
  });

  test('takes nothing twice: of weights whose columns have left no row saves anything', () => {
    const widths = [width('neurons', [0.9, 0.9], 0.02), width('other', [0.08, 0.08], 0.02)];
    const layers = [{ ...fc, savings: [0.85, 0.85] }];
    const products = [{ rows: 'neurons', columns: 'fc', shares: [0.85, 0.85] }];
    /** How far the neurons have gone where the other width is half-way. */
    const neuronsAt = (shared: BothMeasured['products']): number => {
      const path = pathOfBoth({ layers, widths, products: shared });
      const places = Array.from({ length: 401 }, (_, i) => path(i / 400).ratios);
      return places.find((ratios) => ratios.get('other')! >= 0.48)?.get('neurons') ?? 0;
    };
    expect(neuronsAt([])).toBe(0.96);
    expect(neuronsAt(products)).toBeLessThan(0.96);
    expect(neuronsAt(products)).toBeGreaterThan(0);
  });

  test('takes columns that only save parameters, and cost time', () => {
    const path = pathOfBoth({ ...measured, layers: [{ ...fc, savings: [0.3, -0.8] }] });
    expect(path(1).ratios.get('fc')).toBe(columnCurves([fc])[0]!.points.at(-1)!.ratio);
  });

  test('leaves alone what saves nothing', () => {
    const path = pathOfBoth({ ...measured, widths: [...measured.widths, width('idle', [0, 0], 0.001)] });
    expect(path(1).ratios.has('idle')).toBe(false);
  });
});
