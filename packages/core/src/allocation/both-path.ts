/** One path of widths and columns together: what each gets of an error is what the other would save less with. */
import { partOf } from '../cancellation.js';
import { spanOf } from '../format/filter-window.js';
import type { Trials } from '../trials/trials.js';
import type { Width } from '../widths/find-widths.js';
import { productsPerSample } from '../widths/products-per-sample.js';
import { type Both, nameInBoth } from '../widths/select-both.js';
import type { AllocateWidthsOptions } from './allocate-widths.js';
import { type AmountOptions, amountsOf } from './amounts.js';
import { type ColumnPath, columnCurves, type MeasuredLayer, measureColumns } from './column-path.js';
import { lowerHull } from './lower-hull.js';
import { type NarrowTarget, narrowingCurves } from './narrowing-path.js';
import type { SavingCurve } from './savings.js';

export type BothPathOptions = Omit<AllocateWidthsOptions, 'amounts'> & AmountOptions;

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

/** Where measuring of columns ends, about, and the least that is taken to be left of an amount. */
const [COLUMNS, LEAST_LEFT] = [0.4, 0.01];

/**
 * The path that `bothToTarget` goes, see `pathOfBoth`.
 *
 * @param trials of the layers whose columns are clustered
 * @param widths others than those layers read, see `selectBoth`
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
  const { model, layers } = trials;
  const { inputs, signal, onProgress } = options;
  const both = { layers, widths };
  const amounts = await amountsOf(model, target, widths, options);
  const of = amounts.map((amount) => amount.of);
  const perWeight = await Promise.all(
    amounts.map(async (amount) => amount.perWeight / (await amount.of(model))),
  );
  const onColumns = partOf(onProgress, 0, COLUMNS);
  const onWidths = partOf(onProgress, COLUMNS, 1);
  const measured = await measureColumns(trials, { inputs, amounts: of, signal, onProgress: onColumns });
  const curves = await narrowingCurves(model, widths, { ...options, amounts: of, onProgress: onWidths });
  const names = new Map(widths.map((width) => [width.name, nameInBoth(model, width.name)]));
  return {
    layers: measured,
    widths: curves.map((curve) => ({ ...curve, layer: names.get(curve.layer)! })),
    products: sharedBy(trials, both).map(({ weights, ...by }) => ({
      ...by,
      shares: perWeight.map((one) => one * weights),
    })),
  };
}

/** The layers of one product per sample of which both rows and columns can leave. */
function sharedBy(
  { model }: Trials,
  both: Both,
): { readonly rows: string; readonly columns: string; readonly weights: number }[] {
  const once = productsPerSample(model.graph);
  return model.layers.flatMap((layer) => {
    const { name, inputs, outputs } = layer;
    const made = both.widths.find(({ producers }) => producers.includes(name));
    const read = both.widths.find(({ consumers }) => consumers.includes(name));
    const clustered = both.layers.some((own) => own.name === name);
    const columns = clustered ? name : read && nameInBoth(model, read.name);
    if (!once.has(name) || made === undefined || columns === undefined) return [];
    return [{ rows: nameInBoth(model, made.name), columns, weights: outputs * spanOf(layer) * inputs }];
  });
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
