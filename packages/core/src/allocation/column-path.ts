/** One path of column reduction ratios from the whole model to its smallest, by two measurements of each layer. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import type { LongRunOptions } from '../cancellation.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Trials } from '../trials/trials.js';
import { allocateRatios, smallestAllocation } from './allocate-ratios.js';
import type { AmountOf } from './allocate-widths.js';
import { columnsWith } from './columns-with.js';
import { lossThrough, type MeasuredLoss } from './loss-through.js';
import { meanSaving, type SavingCurve, savingsAgainst } from './savings.js';

/** What a layer costs, and what it loses alone. */
export interface MeasuredLayer {
  readonly layer: string;
  /** Errors by ρ in (0, 1), ascending, in a unit that adds up over layers, such as a squared error. */
  readonly errors: readonly MeasuredLoss[];
  /** What of each amount would leave with all columns, as a share of the model. */
  readonly savings: readonly number[];
}

/** A place on the path. */
export interface ColumnAllocation {
  /** ρ by layer; never smaller further on the path. */
  readonly ratios: ReadonlyMap<string, number>;
  /** The sum of the layers' errors, about. */
  readonly loss: number;
}

export type ColumnPath = (place: number) => ColumnAllocation;

/** Where each layer is measured by itself, and on how many samples. */
const MEASURED_AT = [0.5, 0.875] as const;
const MEASURED = 64;
/** Ratios of a curve's points. */
const POINTS: readonly number[] = Array.from({ length: 98 }, (_, i) => (i + 1) / 100);
/** What a layer is taken to save, at least: one with which nothing is saved loses its columns last. */
const LEAST_SAVING = 1e-6;

const PARAMETERS: readonly AmountOf[] = [async (model) => model.parameters];

export interface ColumnPathOptions extends LongRunOptions {
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
  /** What is to become less, such as bytes. Default: parameters. */
  readonly amounts?: readonly AmountOf[] | undefined;
}

/**
 * The path that `columnsToError` goes: every layer is clustered and refitted alone, at two ratios. Progress counts layers.
 *
 * @throws InputError as `Trials` and `recordOutputs` do
 *
 * @example
 * const path = await columnPath(trials, { inputs });
 * const { model: smaller } = await compressModel(model, { ratio: path(0.4).ratios, calibration });
 */
export async function columnPath(trials: Trials, options: ColumnPathOptions): Promise<ColumnPath> {
  return pathOfColumns(await measureColumns(trials, options));
}

/** Of what is left at one place as much more is left at the next: each step is felt alike. */
export function pathOfColumns(layers: readonly MeasuredLayer[]): ColumnPath {
  const curves = columnCurves(layers);
  const { share } = smallestAllocation(curves);
  return (place) => allocateRatios(curves, share ** place);
}

/** Every layer clustered and refitted alone. */
export async function measureColumns(
  trials: Trials,
  { inputs, amounts = PARAMETERS, signal, onProgress }: ColumnPathOptions,
): Promise<MeasuredLayer[]> {
  const { layers, model } = trials;
  const recorded = await recordOutputs(model, firstSamples(inputs, MEASURED), { signal });
  const savingsOf = await savingsAgainst(model, amounts);
  const measured: MeasuredLayer[] = [];
  for (const [done, layer] of layers.entries()) {
    const { name } = layer;
    const errors: [number, number][] = [];
    let smaller = model;
    for (const [i, ratio] of MEASURED_AT.entries()) {
      signal?.throwIfAborted();
      const share = (done + i / MEASURED_AT.length) / layers.length;
      onProgress?.({ phase: 'curves', done, total: layers.length, layer: name, share });
      const { whole } = await columnsWith(trials, new Map([[name, ratio]]));
      errors.push([ratio, (await fidelityTo(recorded, whole.model, { signal })).outputError ?? 0]);
      smaller = whole.model;
    }
    const savings = (await savingsOf(smaller)).map((share) => share / MEASURED_AT.at(-1)!);
    measured.push({ layer: name, errors, savings });
  }
  return measured;
}

/**
 * What layers save, of all amounts alike, and lose over the ratio: the logarithm of the error is taken to go straight with that of `ρ / (1 − ρ)`
 * through what was measured.
 */
export function columnCurves(layers: readonly MeasuredLayer[]): SavingCurve[] {
  return layers.map(({ layer, errors, savings }) => {
    const lossAt = lossThrough(errors);
    const points = POINTS.map((ratio) => ({ ratio, loss: lossAt(ratio) }));
    return { layer, cost: Math.max(meanSaving(savings), LEAST_SAVING), savings, points };
  });
}
