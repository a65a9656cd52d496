/** One path of widths and columns together: what each gets of an error is what the other would save less with. */
import { type ColumnPath, columnCurves, type MeasuredLayer } from './column-path.js';
import { lowerHull } from './lower-hull.js';
import type { SavingCurve } from './savings.js';

/** What layers and widths lose and save, each measured alone, by what they are called among both. */
export interface BothMeasured {
  readonly layers: readonly MeasuredLayer[];
  readonly widths: readonly SavingCurve[];
  readonly products: readonly SharedProduct[];
}

/** The weights of a layer of which rows leave with one of both and columns with another: what one has taken, the other cannot. */
export interface SharedProduct {
  readonly rows: string;
  readonly columns: string;
  /** Share of the model, of each amount. */
  readonly shares: readonly number[];
}

/** The least that is taken to be left of an amount. */
const LEAST_LEFT = 0.01;

/** A line of the hull of a layer or width that is gone along. */
interface Step {
  readonly layer: string;
  readonly ratio: number;
  readonly more: number;
  readonly loss: number;
  /** Share of the model, of all amounts together. */
  readonly saved: number;
}

/**
 * From nothing, at 0, to the most that can leave, at 1: what goes next is what loses least for what it saves. A share of what is left counts, not of
 * what there was, so that a tenth of what has become small counts as much as a tenth of what is large. Places are evenly spread over what is saved.
 */
export function pathOfBoth(measured: BothMeasured): ColumnPath {
  const steps = stepsAlong(measured);
  const most = steps.reduce((sum, { saved }) => sum + saved, 0);
  return (place) => {
    const ratios = new Map<string, number>();
    let loss = 0;
    let rest = place * most;
    for (const step of steps) {
      if (!(rest > 0)) break;
      const part = place < 1 ? Math.min(1, rest / step.saved) : 1;
      ratios.set(step.layer, step.ratio + part * step.more);
      loss += part * step.loss;
      rest -= step.saved;
    }
    return { ratios, loss };
  };
}

/** What is left of each amount where so much of layers and widths has left, as a share of the model. */
export function leftAt(
  { layers, widths, products }: BothMeasured,
  ratios: ReadonlyMap<string, number>,
): number[] {
  const gone = (name: string): number => ratios.get(name) ?? 0;
  const amounts = (widths[0] ?? layers[0])?.savings.length ?? 0;
  return Array.from({ length: amounts }, (_, i) => {
    const saved = [...widths, ...layers].map(({ layer, savings }) => gone(layer) * Math.max(0, savings[i]!));
    const twice = products.map(({ rows, columns, shares }) => gone(rows) * gone(columns) * shares[i]!);
    return 1 - sum(saved) + sum(twice);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** All that saves something, in the order in which it goes. */
function stepsAlong({ layers, widths, products }: BothMeasured): Step[] {
  const curves: readonly SavingCurve[] = [...widths, ...columnCurves(layers)];
  const left = (curves[0]?.savings ?? []).map(() => 1);
  const gone = new Map<string, number>();
  const ahead = curves.map(({ layer, points, savings }) => {
    const hull = lowerHull(points);
    const next = hull.slice(1).map(({ ratio, loss }, i) => {
      const from = hull[i]!;
      return { layer, ratio: from.ratio, more: ratio - from.ratio, loss: loss - from.loss };
    });
    // Small layers take longer with fewer columns: none of that time is saved, and their parameters still are.
    return { layer, savings: savings.map((share) => Math.max(0, share)), next };
  });
  /** What all of a layer or width would save of each amount, less what others have taken of it. */
  const savingsOf = ({ layer, savings }: (typeof ahead)[number]): number[] => {
    const saved = [...savings];
    for (const { rows, columns, shares } of products) {
      const other = layer === rows ? columns : layer === columns ? rows : undefined;
      if (other !== undefined)
        for (const [i, share] of shares.entries()) saved[i] = saved[i]! - share * (gone.get(other) ?? 0);
    }
    return saved;
  };
  const steps: Step[] = [];
  for (;;) {
    const offered = ahead.flatMap((own) => {
      const [step] = own.next;
      if (step === undefined) return [];
      const saved = savingsOf(own).map((share) => Math.max(0, share) * step.more);
      const gain = saved.reduce((sum, share, i) => sum + share / Math.max(LEAST_LEFT, left[i]!), 0);
      return gain > 0 ? [{ next: own.next, saved, slope: step.loss / gain }] : [];
    });
    if (offered.length === 0) return steps;
    const { next, saved } = offered.reduce((best, one) => (one.slope < best.slope ? one : best));
    const step = next.shift()!;
    steps.push({ ...step, saved: saved.reduce((sum, share) => sum + share, 0) });
    gone.set(step.layer, step.ratio + step.more);
    saved.forEach((share, i) => {
      left[i] = left[i]! - share;
    });
  }
}
