/** Second moments of the features of linear blocks, from one pass over some inputs. */
import { Matrix } from 'ml-matrix';
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { sampleRows } from '../calibration/layer-rows.js';
import type { Model } from '../format/model-format.js';
import type { NarrowedWeights } from '../format/model-narrowing.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import { requireFeatures } from '../widths/require-features.js';
import { layerRead } from './layer-reads.js';
import type { LinearBlock } from './linear-blocks.js';
import { observedBatches } from './observed-batches.js';

/** Rows for every feature of a block. */
const ROWS_PER_FEATURE = 64;
/** What is added to variances, as a share of their mean: features that never vary have none. */
const FLOOR = 1e-6;

/** Second moments of a block's features, where they are read or on both sides, shape `[d, d]` each. */
export type BlockMoments = readonly Matrix[];

export async function blockMoments(
  model: Model,
  blocks: readonly LinearBlock[],
  inputs: CalibrationInputs,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<BlockMoments[]> {
  const { graph } = model;
  const features = requireFeatures(model);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const sums = blocks.map(({ kind, first, second }) => {
    // What a layer reads is what was made of the rows, mixed over positions; a bias makes up for the mean of what leaves.
    if (kind === 'read')
      return [
        second.map(({ layer, places }) => {
          const { tensor, axis } = layerRead(graph, layers.get(layer)!);
          return new MomentSums(tensor, axis, places, layers.get(layer)!.bias);
        }),
      ];
    // The same is added to all products of a query by the mean of the keys: softmax takes no notice.
    return [first, second].map((ends, side) =>
      ends.map(({ layer, places }) => {
        const { tensor, axis } = layerRead(graph, layers.get(layer)!);
        const { weights, bias } = features.weights(layer);
        return new MomentSums(tensor, axis, places, side === 1, { weights, bias });
      }),
    );
  });
  const all = sums.flat(2);
  const tensors = new Set(all.map(({ tensor }) => tensor));
  let batch = 0;
  for await (const { feeds, found } of observedBatches(model, features, [...tensors], inputs, signal)) {
    const share = samplesOf(feeds) / Math.max(1, inputs.samples);
    for (const tensor of tensors) {
      const own = all.filter((sum) => sum.tensor === tensor);
      const wanted = ROWS_PER_FEATURE * Math.max(...own.map(({ places }) => places.length));
      const reading = { axis: own[0]!.axis };
      const { rows } = sampleRows(found[tensor]!, reading, Math.ceil(wanted * share), batch, seed);
      for (const sum of own) sum.add(rows);
    }
    batch++;
  }
  return sums.map((sides) => sides.map(meanMoments));
}

/** Streaming sums over the rows of a tensor at some of its features, or over what a layer makes of them at some of its rows. */
class MomentSums {
  readonly tensor: string;
  readonly axis: number;
  readonly places: readonly number[];
  readonly #centred: boolean;
  readonly #layer: NarrowedWeights | undefined;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #count = 0;

  constructor(
    tensor: string,
    axis: number,
    places: readonly number[],
    centred: boolean,
    layer?: NarrowedWeights,
  ) {
    this.tensor = tensor;
    this.axis = axis;
    this.places = places;
    this.#centred = centred;
    this.#layer = layer;
    this.#first = new Float64Array(places.length);
    this.#second = new Float64Array(places.length ** 2);
  }

  add({ data, cols }: DenseMatrix): void {
    const size = this.places.length;
    const row = new Float64Array(size);
    for (let from = 0; from < data.length; from += cols) {
      for (let i = 0; i < size; i++) row[i] = this.#value(data, from, this.places[i]!);
      for (let i = 0; i < size; i++) {
        this.#first[i]! += row[i]!;
        for (let j = 0; j < size; j++) this.#second[i * size + j]! += row[i]! * row[j]!;
      }
      this.#count++;
    }
  }

  #value(data: Float32Array, from: number, place: number): number {
    if (this.#layer === undefined) return data[from + place]!;
    const { weights, bias } = this.#layer;
    let sum = bias?.[place] ?? 0;
    const at = place * weights.cols;
    for (let c = 0; c < weights.cols; c++) sum += weights.data[at + c]! * data[from + c]!;
    return sum;
  }

  /** Of means of 0 where they are centred. */
  moments(): Matrix {
    const size = this.places.length;
    const moments = new Matrix(size, size);
    const count = Math.max(1, this.#count);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        const mean = this.#centred ? (this.#first[i]! / count) * (this.#first[j]! / count) : 0;
        moments.set(i, j, this.#second[i * size + j]! / count - mean);
      }
    return moments;
  }
}

/** With a little more on the diagonal: what never varies has an inverse too. */
function meanMoments(sums: readonly MomentSums[]): Matrix {
  const mean = sums.map((sum) => sum.moments()).reduce((all, own) => all.add(own));
  mean.div(sums.length);
  const floor = FLOOR * (mean.trace() / mean.rows) || 1;
  return mean.add(Matrix.eye(mean.rows).mul(floor));
}
