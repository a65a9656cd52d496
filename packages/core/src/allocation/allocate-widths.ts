/** One path of allocations from the whole model to its smallest: what every width loses on the way, by what it costs the outputs. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import type { LongRunOptions } from '../cancellation.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { errorCurves } from '../neurons/error-curves.js';
import type { Width } from '../widths/find-widths.js';
import { allocateRatios, type CurvePoint, type LayerCurve, smallestAllocation } from './allocate-ratios.js';
import { narrowedShape } from './narrowed-shape.js';
import { widthSensitivities } from './width-sensitivities.js';

/** Samples on which sensitivities are measured. */
const SENSED = 64;
/** Points of a width's curve, at most. */
const POINTS = 32;
/** The share of a width that always stays. */
export const LEAST = 0.02;
/** What the curves take of the time, about; sensitivities take the rest. */
const CURVES = 0.8;

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
 * Of all allocations that save as much, those on the path lose least, as far as losses and savings add up. What a width loses is the error that
 * its loss makes in the layers that read it, for every number of features from one pass, times what such an error costs the outputs, which noise
 * in those layers tells. Without inputs to refit on, the error grows with the square of the share.
 *
 * @throws InputError `UNSUPPORTED` where no width saves anything
 */
export async function allocateWidths(
  model: Model,
  widths: readonly Width[],
  { amounts, inputs, calibration, roundTo = 1, onProgress, ...options }: AllocateWidthsOptions,
): Promise<WidthPath> {
  const within = (from: number, to: number): LongRunOptions => ({
    ...options,
    onProgress: (step) =>
      onProgress?.({ ...step, share: from + ((to - from) * step.done) / (step.total || 1) }),
  });
  const costs = await savings(model, widths, amounts);
  const useful = widths.filter(({ name }) => costs.get(name)! > 0);
  if (useful.length === 0)
    throw new InputError('UNSUPPORTED', 'no width of the model saves anything when it becomes narrower');
  const errors =
    calibration === undefined
      ? new Map<string, Float64Array>()
      : await errorCurves(model, useful, calibration, { ...options, ...within(0, CURVES) });
  const sensitivities = await widthSensitivities(model, useful, firstSamples(inputs, SENSED), {
    ...options,
    ...within(calibration === undefined ? 0 : CURVES, 1),
  });
  const curves = useful.map(
    (width): LayerCurve => ({
      layer: width.name,
      cost: costs.get(width.name)!,
      points: lossesOf(width, errors.get(width.name), sensitivities.get(width.name)!, roundTo),
    }),
  );
  const { share: least } = smallestAllocation(curves);
  return (place) => allocateRatios(curves, 1 - place * (1 - least));
}

/** What the outputs lose over the share that leaves. */
function lossesOf(
  { size, blocks }: Width,
  errors: Float64Array | undefined,
  sensitivity: number,
  roundTo: number,
): CurvePoint[] {
  const block = blocks[0]!.length;
  const step = Math.max(1, Math.ceil(block / roundTo / POINTS)) * roundTo;
  const points: CurvePoint[] = [];
  for (let keep = Math.floor((block - 1) / step) * step; keep > 0 && keep >= LEAST * block; keep -= step) {
    const ratio = 1 - keep / block;
    const error =
      errors === undefined || errors.length < 2
        ? ratio * ratio
        : errors[Math.min(errors.length - 1, Math.round(ratio * size))]!;
    points.push({ ratio, loss: sensitivity * error });
  }
  return points.length > 0 ? points : [{ ratio: 0, loss: 0 }];
}

/** What each width saves if it loses everything, as a share of the model: twice what half of it saves. */
async function savings(
  model: Model,
  widths: readonly Width[],
  amounts: readonly AmountOf[],
): Promise<Map<string, number>> {
  const full = await Promise.all(amounts.map((amountOf) => amountOf(model)));
  const saved = new Map<string, number>();
  for (const { name } of widths) {
    const half = narrowedShape(model, new Map([[name, 0.5]]));
    let share = 0;
    for (const [i, amountOf] of amounts.entries()) share += 2 * (1 - (await amountOf(half)) / full[i]!);
    saved.set(name, share / amounts.length);
  }
  return saved;
}
