/** What an error in the layers that read a width costs the model's outputs: measured by noise in their weights. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { squaredError } from '../evaluation/output-error.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Model, Tensor } from '../format/model-format.js';
import { type NarrowedWeights, otherWeights } from '../format/model-narrowing.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import { Random } from '../random.js';
import type { Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';

/** The noise over the root mean square of a layer's weights: small enough for errors to stay in proportion. */
const NOISE = 0.15;

export interface WidthSensitivitiesOptions extends LongRunOptions {
  readonly seed?: number | undefined;
}

/**
 * By width, the relative error of the outputs over that of the layers that read it, both `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` and the latter summed over the
 * layers. As far as errors are small, what a width costs the outputs is this times the error that its loss makes in its readers.
 * 0 for a width that no layer reads, or that does not reach the outputs; 1 where the model does not run on the inputs.
 *
 * @throws InputError `UNSUPPORTED` when the model's format cannot make widths narrower
 */
export async function widthSensitivities(
  model: Model,
  widths: readonly Width[],
  inputs: CalibrationInputs,
  { seed = 0, signal, onProgress }: WidthSensitivitiesOptions = {},
): Promise<Map<string, number>> {
  const recorded = await recordOutputs(model, inputs, { signal });
  const found = new Map<string, number>();
  for (const [done, { name, consumers }] of widths.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ phase: 'sensitivities', done, total: widths.length, layer: name });
    if (recorded.batches.length === 0) found.set(name, 1);
    else if (consumers.length === 0) found.set(name, 0);
    else {
      const noisy = withNoise(model, consumers, seed);
      const { outputError } = await fidelityTo(recorded, noisy, { signal });
      const batches = recorded.batches.map(({ feeds }) => feeds);
      const read = await errorOfLayers(model, noisy, consumers, batches);
      found.set(name, read > 0 ? (outputError ?? 0) / read : 0);
    }
  }
  onProgress?.({ phase: 'sensitivities', done: widths.length, total: widths.length });
  return found;
}

/** The model with noise in the weights of some layers. */
function withNoise(model: Model, layers: readonly string[], seed: number): Model {
  const features = requireFeatures(model);
  const random = new Random(seed);
  const noisy = new Map<string, NarrowedWeights>();
  for (const layer of layers) {
    const { weights, bias } = features.weights(layer);
    const { rows, cols, data } = weights;
    noisy.set(layer, {
      weights: denseMatrix(rows, cols, noisyWeights(data, random)),
      bias,
    });
  }
  return features.narrow(otherWeights(noisy));
}

/** Every weight a little larger or smaller, by the same amount: what many of them do together is normally distributed. */
function noisyWeights(weights: Float32Array, random: Random): Float32Array {
  let squares = 0;
  for (const value of weights) squares += value * value;
  const size = NOISE * Math.sqrt(squares / weights.length);
  const noisy = weights.slice();
  for (let at = 0; at < noisy.length; at += 32) {
    const end = Math.min(at + 32, noisy.length);
    for (let i = at, bits = random.uint32(); i < end; i++, bits >>>= 1)
      noisy[i] = noisy[i]! + (bits & 1 ? size : -size);
  }
  return noisy;
}

/** The relative errors of what layers give, summed over the layers. */
async function errorOfLayers(
  model: Model,
  noisy: Model,
  layers: readonly string[],
  batches: readonly Readonly<Record<string, Tensor>>[],
): Promise<number> {
  const made = model.graph.operations.flatMap(({ flow, outputs }) =>
    flow.type === 'layer' && layers.includes(flow.layer) ? [{ tensor: outputs[0]!, axis: flow.makes }] : [],
  );
  const tensors = made.map(({ tensor }) => tensor);
  const sums = made.map(() => ({ error: 0, spread: new FeatureSpread() }));
  const first = await requireFeatures(model).observe(tensors).session();
  try {
    const second = await requireFeatures(noisy).observe(tensors).session();
    try {
      for (const feeds of batches) {
        const [expected, actual] = [await first.run(feeds), await second.run(feeds)];
        for (const [i, { tensor, axis }] of made.entries()) {
          sums[i]!.error += squaredError(expected[tensor]!, actual[tensor]);
          sums[i]!.spread.add(expected[tensor]!, axis);
        }
      }
    } finally {
      await second.release();
    }
  } finally {
    await first.release();
  }
  return sums.reduce((sum, { error, spread }) => sum + (spread.total > 0 ? error / spread.total : 0), 0);
}

/** `Σ‖y − ȳ‖²` with a mean for every feature. */
class FeatureSpread {
  #sums = new Float64Array(0);
  #squares = 0;
  #rows = 0;

  add({ shape, data }: Tensor, axis: number): void {
    const size = shape.at(axis)!;
    const inner = shape.slice(shape.length + axis + 1).reduce((product, length) => product * length, 1);
    if (this.#sums.length === 0) this.#sums = new Float64Array(size);
    for (let p = 0; p < data.length; p++) {
      const feature = Math.floor(p / inner) % size;
      this.#sums[feature] = this.#sums[feature]! + data[p]!;
      this.#squares += data[p]! ** 2;
    }
    this.#rows += data.length / size;
  }

  get total(): number {
    return this.#squares - this.#sums.reduce((sum, value) => sum + (value * value) / this.#rows, 0);
  }
}
