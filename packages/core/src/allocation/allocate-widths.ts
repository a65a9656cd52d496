/** What every width saves and what it costs the outputs, over the share of it that leaves. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import type { LongRunOptions } from '../cancellation.js';
import { rankOne } from '../clustering/rank-one.js';
import { InputError } from '../errors.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { errorAt, errorCurves } from '../neurons/error-curves.js';
import type { PrincipalFeatures } from '../neurons/principal-features.js';
import { keptFeatures, reduceNeurons } from '../neurons/reduce-neurons.js';
import type { Width } from '../widths/find-widths.js';
import type { CurvePoint } from './allocate-ratios.js';
import { lossThrough } from './loss-through.js';
import { narrowedShape } from './narrowed-shape.js';
import { meanSaving, type SavingCurve, savingsAgainst } from './savings.js';

/** Samples on which outputs are compared. */
const COMPARED = 64;
/** The share of a width that is taken where no inputs say which tells most. */
const HALF = 0.5;
/** Points of a width's curve, at most. */
const POINTS = 32;
/** The share of a width that always stays. */
export const LEAST = 0.02;

/** An error that is rounding. */
const TINY = 1e-12;

/** Something of a model that shrinks with its widths. */
export type AmountOf = (model: Model) => Promise<number>;

export interface AllocateWidthsOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  /** What is to become less, such as bytes; several count as shares of what the model has of each. */
  readonly amounts: readonly AmountOf[];
  /** Every block of a width keeps a multiple of this many features. Default 1. */
  readonly roundTo?: number | undefined;
  /** Inputs on which layers are refitted; undefined for none. */
  readonly calibration: CalibrationInputs | undefined;
  /** Inputs on which outputs are compared. */
  readonly inputs: CalibrationInputs;
  readonly seed?: number | undefined;
  /** As of `reduceNeurons`. */
  readonly memory?: number | undefined;
  /** As of `reduceNeurons`. */
  readonly ordered?: PrincipalFeatures['ordered'] | undefined;
}

/** A place on the path from nothing, at 0, to the most that can leave, at 1. */
export interface WidthAllocation {
  /** Share of its features that leaves each width, by name; never smaller further on the path. */
  readonly ratios: ReadonlyMap<string, number>;
  /** The relative error of the outputs, as far as those of single widths add up. */
  readonly loss: number;
}

export type WidthPath = (place: number) => WidthAllocation;

/**
 * What every width saves and loses. What it loses is the error of the outputs when about half of it leaves alone, and for other shares as much more or
 * less as the layers that read it err more or less, which one pass tells for every number of features. Where it does not, what is lost at two shares
 * tells of all others, see `lossThrough`, and without a calibration errors grow with the square of the share.
 *
 * @returns without widths that save nothing; costs are shares of the amounts
 * @throws InputError `UNSUPPORTED` where no width saves anything
 */
export async function widthCurves(
  model: Model,
  widths: readonly Width[],
  { amounts, roundTo = 1, ...options }: AllocateWidthsOptions,
): Promise<SavingCurve[]> {
  const saved = await savingsOfWidths(model, widths, amounts);
  const useful = widths.filter(({ name }) => meanSaving(saved.get(name)!) > 0);
  if (useful.length === 0)
    throw new InputError('UNSUPPORTED', 'no width of the model saves anything when it becomes narrower');
  const losses = await lossesAlone(model, useful, options);
  return useful.map((width) => ({
    layer: width.name,
    cost: meanSaving(saved.get(width.name)!),
    savings: saved.get(width.name)!,
    points: pointsOf(width, losses.get(width.name)!, roundTo),
  }));
}

/** What the outputs lose where a width keeps so many features in each block. */
type LossOf = (keep: number) => number;

/** By width, from what some of it does to the outputs when it leaves alone. */
async function lossesAlone(
  model: Model,
  widths: readonly Width[],
  { inputs, calibration, onProgress, ...options }: Omit<AllocateWidthsOptions, 'amounts' | 'roundTo'>,
): Promise<Map<string, LossOf>> {
  const recorded = await recordOutputs(model, firstSamples(inputs, COMPARED), options);
  const measured = new Map<string, { keep: number; loss: number }[]>();
  const measure = async ({ name }: Width, keep: number, narrower: Model): Promise<void> => {
    // Where outputs cannot be compared, an error of what reads a width counts as much as any other.
    const { outputError } = await fidelityTo(recorded, narrower, options);
    measured.set(name, [...(measured.get(name) ?? []), { keep, loss: outputError ?? 1 }]);
  };
  let errors: ReadonlyMap<string, Float64Array> = new Map();
  if (calibration !== undefined)
    errors = await errorCurves(model, widths, calibration, { ...options, onProgress, onNarrowed: measure });
  else
    for (const [done, width] of widths.entries()) {
      const total = widths.length;
      onProgress?.({ phase: 'curves', done, total, layer: width.name, share: done / total });
      const merging = { ...options, clusterer: rankOne };
      const { model: narrower } = await reduceNeurons(model, new Map([[width.name, HALF]]), merging);
      await measure(width, keptFeatures(width, HALF), narrower);
    }
  return new Map(
    widths.map((width) => {
      const size = width.blocks[0]!.length;
      const points = measured.get(width.name) ?? [{ keep: 1, loss: 0 }];
      if (points.length > 1) {
        const lossAt = lossThrough(points.map(({ keep, loss }) => [1 - keep / size, loss]));
        return [width.name, (keep: number) => lossAt(1 - keep / size)];
      }
      const { keep: kept, loss } = points[0]!;
      const curve = errors.get(width.name);
      const shape: LossOf = (keep) => (curve && errorAt(width, curve, keep)) ?? (1 - keep / size) ** 2;
      return [width.name, (keep: number) => (loss * shape(keep)) / Math.max(shape(kept), TINY)];
    }),
  );
}

/** What the outputs lose over the share that leaves. */
function pointsOf({ blocks }: Width, lossOf: LossOf, roundTo: number): CurvePoint[] {
  const block = blocks[0]!.length;
  const step = Math.max(1, Math.ceil(block / roundTo / POINTS)) * roundTo;
  const points: CurvePoint[] = [];
  for (let keep = Math.floor((block - 1) / step) * step; keep > 0 && keep >= LEAST * block; keep -= step)
    points.push({ ratio: 1 - keep / block, loss: lossOf(keep) });
  return points.length > 0 ? points : [{ ratio: 0, loss: 0 }];
}

/** What of each amount a width saves if it loses everything: twice what half of it saves. */
async function savingsOfWidths(
  model: Model,
  widths: readonly Width[],
  amounts: readonly AmountOf[],
): Promise<Map<string, number[]>> {
  const savingsOf = await savingsAgainst(model, amounts);
  const saved = new Map<string, number[]>();
  for (const { name } of widths) {
    const half = await savingsOf(narrowedShape(model, new Map([[name, 0.5]])));
    saved.set(
      name,
      half.map((share) => 2 * share),
    );
  }
  return saved;
}
