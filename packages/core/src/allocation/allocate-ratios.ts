/**
 * One column reduction ratio per layer, so that the model shrinks to a given share and loses least.
 *
 * Each layer's curve is replaced by its lower convex hull, whose segments have growing slopes: loss per unit of cost saved. Segments of all
 * layers are taken in the order of their slopes until enough is saved, the last one in part. For losses that add up over the
 * layers no other allocation of the same cost loses less; the argument is that of bit allocation to quantizers (Shoham and
 * Gersho, 1988, doi:10.1109/29.90373).
 */
import { InputError } from '../errors.js';
import { lowerHull } from './lower-hull.js';

/** One measured setting of one layer. */
export interface CurvePoint {
  /** Column reduction ratio ρ in [0, 1). */
  readonly ratio: number;
  /** What the model loses when this layer alone is compressed so far; in a unit that adds up over layers, such as a squared error. */
  readonly loss: number;
}

/** What compressing one layer saves and loses. */
export interface LayerCurve {
  readonly layer: string;
  /** What the layer costs uncompressed, above 0, such as its `m·n` weights: of it `1 − ρ` is left. */
  readonly cost: number;
  /** In any order, at least one above ρ = 0. The point ρ = 0 with loss 0 is added when it is missing. */
  readonly points: readonly CurvePoint[];
}

export interface Allocation {
  /** ρ by layer. */
  readonly ratios: ReadonlyMap<string, number>;
  /** The cost left over the cost of all layers uncompressed. */
  readonly share: number;
  /** The sum of the layers' losses, on their hulls. */
  readonly loss: number;
}

/** Every layer at the largest ratio of its curve: no allocation costs less. */
export function smallestAllocation(curves: readonly LayerCurve[]): Allocation {
  return allocate(curves, 0);
}

/**
 * The allocation with the smallest loss among those that leave at most `share` of the cost. Ratios grow, or stay, for every layer when
 * the share gets smaller.
 *
 * @param share in (0, 1]
 * @throws InputError `BAD_ARGUMENT` when even the largest ratios leave more
 */
export function allocateRatios(curves: readonly LayerCurve[], share: number): Allocation {
  const found = allocate(curves, share);
  if (!(share > 0) || found.share > share + ROUNDING) {
    throw new InputError(
      'BAD_ARGUMENT',
      `allocation: the share must be in [${found.share.toFixed(4)}, 1], got ${share}`,
    );
  }
  return found;
}

/** From the whole model, at place 0, to the smallest allocation, at 1; ratios and loss never fall on the way. */
export function pathOfCurves(curves: readonly LayerCurve[]): (place: number) => Allocation {
  const { share: least } = smallestAllocation(curves);
  return (place) => allocateRatios(curves, 1 - place * (1 - least));
}

/** What the layers lose at their ratios, on their hulls. */
export function lossOf(curves: readonly LayerCurve[], ratios: ReadonlyMap<string, number>): number {
  let loss = 0;
  for (const { layer, points } of curves) {
    const hull = lowerHull(points);
    const ratio = ratios.get(layer) ?? 0;
    const next = hull.findIndex((point) => point.ratio >= ratio);
    const to = hull.at(next)!;
    const from = hull[Math.max(0, next - 1)]!;
    const way = to.ratio > from.ratio ? Math.min(1, (ratio - from.ratio) / (to.ratio - from.ratio)) : 1;
    loss += from.loss + way * (to.loss - from.loss);
  }
  return loss;
}

/** Relative rounding error of a sum of costs. */
const ROUNDING = 1e-9;

function allocate(curves: readonly LayerCurve[], share: number): Allocation {
  const ratios = new Map(curves.map(({ layer }) => [layer, 0]));
  let loss = 0;
  const total = curves.reduce((sum, { cost }) => sum + cost, 0);
  let left = total;
  for (const segment of segmentsBySlope(curves)) {
    const excess = left - share * total;
    if (excess <= 0 && segment.slope > 0) break;
    // What costs nothing is taken whole.
    const part = segment.slope <= 0 ? 1 : Math.min(1, excess / segment.saving);
    ratios.set(segment.layer, segment.from + part * (segment.to - segment.from));
    left -= part * segment.saving;
    loss += part * segment.saving * segment.slope;
    if (part < 1) break;
  }
  return { ratios, share: left / total, loss: loss + lossOf(curves, new Map()) };
}

/** A line of a layer's hull. */
interface Segment {
  readonly layer: string;
  readonly from: number;
  readonly to: number;
  readonly saving: number;
  /** Loss per unit of cost saved. */
  readonly slope: number;
}

function segmentsBySlope(curves: readonly LayerCurve[]): Segment[] {
  const segments = curves.flatMap(({ layer, cost, points }) => {
    const hull = lowerHull(points);
    let steepest = Number.NEGATIVE_INFINITY;
    return hull.slice(1).map((to, i): Segment => {
      const from = hull[i]!;
      const saving = cost * (to.ratio - from.ratio);
      // Rounding must not put a layer's segments out of order.
      steepest = Math.max(steepest, (to.loss - from.loss) / saving);
      return { layer, from: from.ratio, to: to.ratio, saving, slope: steepest };
    });
  });
  return segments.sort((a, b) => a.slope - b.slope);
}
