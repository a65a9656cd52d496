import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lossOf, pathOfCurves } from '../../src/allocation/allocate-ratios.js';
import { allocateRatios, type LayerCurve, smallestAllocation } from '../../src/allocation/index.js';
import { lowerHull } from '../../src/allocation/lower-hull.js';

/** Rounding of sums of a few dozen terms. */
const ROUNDING = 1e-9;
const GRID = [0.2, 0.4, 0.6, 0.8, 0.95];

/** Curves of any shape, also falling ones, as measurements with noise give them. */
const anyCurves = fc.array(
  fc.record({
    cost: fc.integer({ min: 1, max: 1000 }),
    losses: fc.array(
      fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000),
      { minLength: 5, maxLength: 5 },
    ),
  }),
  { minLength: 1, maxLength: 4 },
);
/** Growing slopes. */
const convexCurves = anyCurves.map((curves) =>
  curves.map(({ cost, losses }) => {
    const slopes = losses.toSorted((a, b) => a - b);
    let sum = 0;
    return {
      cost,
      losses: slopes.map((slope, i) => {
        sum += slope * (GRID[i]! - (GRID[i - 1] ?? 0));
        return sum;
      }),
    };
  }),
);

function layerCurves(curves: readonly { cost: number; losses: readonly number[] }[]): LayerCurve[] {
  return curves.map(({ cost, losses }, i) => ({
    layer: `layer${i}`,
    cost,
    points: losses.map((loss, j) => ({ ratio: GRID[j]!, loss })),
  }));
}

/** The loss at a ratio, straight between the points of the hull. */
function lossAt({ points }: LayerCurve, ratio: number): number {
  const hull = lowerHull(points);
  const end = Math.max(
    1,
    hull.findIndex((point) => point.ratio >= ratio),
  );
  const [a, b] = [hull[end - 1]!, hull[end]!];
  return a.loss + ((b.loss - a.loss) * (ratio - a.ratio)) / (b.ratio - a.ratio);
}

function costLeft(curves: readonly LayerCurve[], ratios: ReadonlyMap<string, number>): number {
  const left = curves.reduce((sum, { layer, cost }) => sum + cost * (1 - ratios.get(layer)!), 0);
  return left / curves.reduce((sum, { cost }) => sum + cost, 0);
}

const anyShare = fc.double({ min: 0.05, max: 1, noNaN: true });

describe('allocateRatios', () => {
  test('a hand-made case', () => {
    const curves: LayerCurve[] = [
      {
        layer: 'large',
        cost: 900,
        points: [
          { ratio: 0.5, loss: 0.45 },
          { ratio: 0.9, loss: 4.05 },
        ],
      },
      {
        layer: 'small',
        cost: 100,
        points: [
          { ratio: 0.5, loss: 0.1 },
          { ratio: 0.9, loss: 0.14 },
        ],
      },
    ];
    // Per unit saved: large 0.001 and 0.01, small 0.14 / 90 (its middle point lies above the line).
    const { ratios, share, loss } = allocateRatios(curves, 0.5);
    expect([...ratios.keys()]).toEqual(['large', 'small']);
    expect(ratios.get('large')).toBeCloseTo(0.5, 10);
    expect(ratios.get('small')).toBeCloseTo(0.5, 10);
    expect(share).toBeCloseTo(0.5, 10);
    expect(loss).toBeCloseTo(0.45 + 50 * (0.14 / 90), 10);
  });

  test('leaves what it is asked to leave, and says truly what is lost', () => {
    fc.assert(
      fc.property(anyCurves, anyShare, (made, share) => {
        const curves = layerCurves(made);
        const found = allocateRatios(curves, share);
        expect(found.share).toBeLessThanOrEqual(share + ROUNDING);
        expect(costLeft(curves, found.ratios)).toBeCloseTo(found.share, 9);
        const loss = curves.reduce((sum, curve) => sum + lossAt(curve, found.ratios.get(curve.layer)!), 0);
        expect(found.loss).toBeCloseTo(loss, 9);
        expect(lossOf(curves, found.ratios)).toBeCloseTo(loss, 9);
      }),
    );
  });

  test('no layer grows back when the share gets smaller', () => {
    fc.assert(
      fc.property(anyCurves, anyShare, anyShare, (made, one, other) => {
        const curves = layerCurves(made);
        const milder = allocateRatios(curves, Math.max(one, other));
        const stronger = allocateRatios(curves, Math.min(one, other));
        for (const [layer, ratio] of milder.ratios)
          expect(stronger.ratios.get(layer)!).toBeGreaterThanOrEqual(ratio - ROUNDING);
      }),
    );
  });

  test('no exchange between two layers loses less', () => {
    fc.assert(
      fc.property(
        convexCurves.filter((curves) => curves.length > 1),
        anyShare,
        fc.double({ min: 1e-3, max: 0.2, noNaN: true }),
        (made, share, part) => {
          const curves = layerCurves(made);
          const { ratios, loss } = allocateRatios(curves, share);
          const total = curves.reduce((sum, { cost }) => sum + cost, 0);
          for (const giving of curves) {
            for (const taking of curves) {
              if (giving === taking) continue;
              const less = ratios.get(giving.layer)! - (part * total) / giving.cost;
              const more = ratios.get(taking.layer)! + (part * total) / taking.cost;
              if (less < 0 || more > GRID.at(-1)!) continue;
              const exchanged =
                loss -
                lossAt(giving, ratios.get(giving.layer)!) -
                lossAt(taking, ratios.get(taking.layer)!) +
                lossAt(giving, less) +
                lossAt(taking, more);
              expect(exchanged).toBeGreaterThanOrEqual(loss - ROUNDING);
            }
          }
        },
      ),
    );
  });

  test('what costs nothing is taken, whatever the share', () => {
    const curves = [
      {
        layer: 'a',
        cost: 1,
        points: [
          { ratio: 0.5, loss: -0.1 },
          { ratio: 0.9, loss: 0.2 },
        ],
      },
    ];
    expect(allocateRatios(curves, 1).ratios.get('a')).toBe(0.5);
  });

  test('a path goes from the whole to the smallest', () => {
    fc.assert(
      fc.property(anyCurves, (made) => {
        const curves = layerCurves(made);
        const path = pathOfCurves(curves);
        expect(path(0).share).toBeLessThanOrEqual(1 + ROUNDING);
        expect(path(1).share).toBeCloseTo(smallestAllocation(curves).share, 9);
        expect(path(0.5).share).toBeLessThanOrEqual(path(0.25).share + ROUNDING);
      }),
    );
  });

  test('the smallest allocation is the limit', () => {
    const curves = layerCurves([{ cost: 10, losses: [0, 0, 0.1, 0.2, 0.9] }]);
    const { ratios, share } = smallestAllocation(curves);
    expect(ratios.get('layer0')).toBe(0.95);
    expect(allocateRatios(curves, share).ratios).toEqual(ratios);
    expect(() => allocateRatios(curves, 0.04)).toThrow(
      expect.objectContaining({
        code: 'BAD_ARGUMENT',
        message: 'allocation: the share must be in [0.0500, 1], got 0.04',
      }),
    );
  });
});
