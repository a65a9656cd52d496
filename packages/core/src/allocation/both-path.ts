/** One path of widths and columns together: what each gets of an error is what the other would save less with. */
import { partOf } from '../cancellation.js';
import type { Trials } from '../trials/trials.js';
import type { Width } from '../widths/find-widths.js';
import type { AllocateWidthsOptions } from './allocate-widths.js';
import { type AmountOptions, amountsOf } from './amounts.js';
import { type ColumnPath, columnCurves, type MeasuredLayer, measureColumns } from './column-path.js';
import { lowerHull } from './lower-hull.js';
import { type NarrowTarget, narrowingCurves } from './narrowing-path.js';
import type { SavingCurve } from './savings.js';

export type BothPathOptions = Omit<AllocateWidthsOptions, 'amounts'> & AmountOptions;

/** What layers and widths lose and save, each measured alone. */
export interface BothMeasured {
  readonly layers: readonly MeasuredLayer[];
  readonly widths: readonly SavingCurve[];
}

/** Where measuring of columns ends, about, and the least that is taken to be left of an amount. */
const [COLUMNS, LEAST_LEFT] = [0.4, 0.01];

/**
 * The path that `bothToTarget` goes, see `pathOfBoth`.
 *
 * @param trials of the layers whose columns are clustered
 * @param widths others than those layers make or read, see `selectBoth`
 * @param target only which one it is matters: what is to become less
 * @throws InputError as `columnPath` and `narrowingPath` do
 *
 * @example
 * const { layers, widths } = selectBoth(model);
 * const trials = await Trials.open(model, { layers: layers.map(({ name }) => name), calibration });
 * const path = await bothPath(trials, widths, { maxError: 0.002 }, { engine, calibration, inputs });
 * const { model: smaller } = await compressModel(model, { reduce: 'both', ratio: path(0.6).ratios, calibration });
 */
export async function bothPath(
  trials: Trials,
  widths: readonly Width[],
  target: NarrowTarget,
  options: BothPathOptions,
): Promise<ColumnPath> {
  return pathOfBoth(await measureBoth(trials, widths, target, options));
}

/** Every layer clustered and every width narrower, alone. */
export async function measureBoth(
  trials: Trials,
  widths: readonly Width[],
  target: NarrowTarget,
  options: BothPathOptions,
): Promise<BothMeasured> {
  const { model } = trials;
  const { inputs, signal, onProgress } = options;
  const amounts = await amountsOf(model, target, widths, options);
  const onColumns = partOf(onProgress, 0, COLUMNS);
  const onWidths = partOf(onProgress, COLUMNS, 1);
  return {
    layers: await measureColumns(trials, { inputs, amounts, signal, onProgress: onColumns }),
    widths: await narrowingCurves(model, widths, { ...options, amounts, onProgress: onWidths }),
  };
}

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
export function pathOfBoth({ layers, widths }: BothMeasured): ColumnPath {
  const steps = stepsAlong([...widths, ...columnCurves(layers)]);
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

/** All that saves something, in the order in which it goes. */
function stepsAlong(curves: readonly SavingCurve[]): Step[] {
  const left = (curves[0]?.savings ?? []).map(() => 1);
  const ahead = curves.map(({ layer, points, savings }) => {
    const hull = lowerHull(points);
    const next = hull.slice(1).map(({ ratio, loss }, i) => {
      const from = hull[i]!;
      return { layer, ratio: from.ratio, more: ratio - from.ratio, loss: loss - from.loss };
    });
    return { savings, next };
  });
  const steps: Step[] = [];
  for (;;) {
    const offered = ahead.flatMap(({ savings, next }) => {
      const [step] = next;
      if (step === undefined) return [];
      // Small layers take longer with fewer columns: none of that time is saved, and their parameters still are.
      const saved = savings.map((share) => Math.max(0, share) * step.more);
      const gain = saved.reduce((sum, share, i) => sum + share / Math.max(LEAST_LEFT, left[i]!), 0);
      return gain > 0 ? [{ next, saved, slope: step.loss / gain }] : [];
    });
    if (offered.length === 0) return steps;
    const { next, saved } = offered.reduce((best, one) => (one.slope < best.slope ? one : best));
    steps.push({ ...next.shift()!, saved: saved.reduce((sum, share) => sum + share, 0) });
    saved.forEach((share, i) => {
      left[i] = left[i]! - share;
    });
  }
}
