/** One path of column reduction ratios from the whole model to its smallest, by one measurement of each layer. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import type { LongRunOptions } from '../cancellation.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import { spanOf } from '../format/filter-window.js';
import type { Trials } from '../trials/trials.js';
import { columnsWith } from './columns-with.js';

/** What a layer costs, and what it loses alone at one ratio. */
export interface MeasuredLayer {
  readonly layer: string;
  /** Above 0, such as its `m·n` weights: of it `1 − ρ` is left. */
  readonly cost: number;
  /** ρ in (0, 1). */
  readonly ratio: number;
  /** In a unit that adds up over layers, such as a squared error. */
  readonly error: number;
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
const MEASURED_AT = 0.5;
const MEASURED = 64;
/**
 * How the logarithm of the error goes with that of `ρ / (1 − ρ)`: 1.2 to 2.7 for layers of two networks of three layers for Fashion-MNIST. With 1.2
 * those and an AlexNet keep 0 to 8 % more weights at one error.
 */
const SLOPE = 1.8;
/** The least and the most of `ρ / (1 − ρ)` that a layer has on the path. */
const LEAST = 1e-3;
const MOST = 49;
/** An error that is rounding. */
const TINY = 1e-9;

export interface ColumnPathOptions extends LongRunOptions {
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
}

/**
 * The path that `columnsToError` goes: every layer is clustered and refitted alone, once. Progress counts layers.
 *
 * @throws InputError as `Trials` and `recordOutputs` do
 *
 * @example
 * const path = await columnPath(trials, { inputs });
 * const { model: smaller } = await compressModel(model, { ratio: path(0.4).ratios, calibration });
 */
export async function columnPath(
  trials: Trials,
  { inputs, signal, onProgress }: ColumnPathOptions,
): Promise<ColumnPath> {
  const { layers, model } = trials;
  const recorded = await recordOutputs(model, firstSamples(inputs, MEASURED), { signal });
  const measured: MeasuredLayer[] = [];
  for (const [done, layer] of layers.entries()) {
    signal?.throwIfAborted();
    const { name, outputs, inputs: columns } = layer;
    onProgress?.({ phase: 'curves', done, total: layers.length, layer: name, share: done / layers.length });
    const { whole } = await columnsWith(trials, new Map([[name, MEASURED_AT]]));
    const error = (await fidelityTo(recorded, whole.model, { signal })).outputError ?? 0;
    measured.push({ layer: name, cost: outputs * spanOf(layer) * columns, ratio: MEASURED_AT, error });
  }
  return pathOfColumns(measured);
}

/**
 * With `x = ρ / (1 − ρ)` a layer's error is taken to go with `x^s`, and of its cost `1 / (1 + x)` is left. Of all allocations with one sum of
 * errors the cheapest has one `μ = s e x^(s − 1) (1 + x)² / cost` for all layers (Lagrange): the path goes along its logarithm.
 */
export function pathOfColumns(layers: readonly MeasuredLayer[]): ColumnPath {
  const known = layers.map(({ layer, cost, ratio, error }) => {
    const unit = Math.max(error, TINY) / (ratio / (1 - ratio)) ** SLOPE;
    const priceAt = (x: number): number =>
      Math.log((SLOPE * unit) / cost) + (SLOPE - 1) * Math.log(x) + 2 * Math.log(1 + x);
    return { layer, unit, priceAt };
  });
  const first = Math.min(...known.map(({ priceAt }) => priceAt(LEAST)));
  const last = Math.max(...known.map(({ priceAt }) => priceAt(MOST)));
  return (place) => {
    const price = first + place * (last - first);
    const ratios = new Map<string, number>();
    let loss = 0;
    for (const { layer, unit, priceAt } of known) {
      const x = whereItCosts(priceAt, price);
      ratios.set(layer, x / (1 + x));
      loss += unit * x ** SLOPE;
    }
    return { ratios, loss };
  };
}

function whereItCosts(priceAt: (x: number) => number, price: number): number {
  if (priceAt(LEAST) >= price) return LEAST;
  if (priceAt(MOST) <= price) return MOST;
  let [low, high] = [Math.log(LEAST), Math.log(MOST)];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (priceAt(Math.exp(middle)) < price) low = middle;
    else high = middle;
  }
  return Math.exp(low);
}
