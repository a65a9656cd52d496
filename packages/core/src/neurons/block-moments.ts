/** Second moments of the features of linear blocks, from one pass over some inputs. */
import { Matrix } from 'ml-matrix';
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { sampleRows } from '../calibration/layer-rows.js';
import { Moments } from '../calibration/moments.js';
import type { Model } from '../format/model-format.js';
import type { NarrowedWeights } from '../format/model-narrowing.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { requireFeatures } from '../widths/require-features.js';
import { columnsOf } from './layer-groups.js';
import { layerRead } from './layer-reads.js';
import type { LinearBlock } from './linear-blocks.js';
import { observedBatches } from './observed-batches.js';

/** Rows for every feature of a block. */
const ROWS_PER_FEATURE = 64;
/** What is added to variances, as a share of their mean: features that never vary have none. */
const FLOOR = 1e-6;

/** Second moments of a block's features, where they are read or on both sides, shape `[d, d]` each. */
export type BlockMoments = readonly Matrix[];

export interface BlockMomentsOptions {
  readonly engine: MatrixEngine;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

export async function blockMoments(
  model: Model,
  blocks: readonly LinearBlock[],
  inputs: CalibrationInputs,
  { engine, seed, signal }: BlockMomentsOptions,
): Promise<BlockMoments[]> {
  const { graph } = model;
  const features = requireFeatures(model);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const sums = blocks.map(({ kind, first, second }) => {
    // What a layer reads is what was made of the rows, mixed over positions; a bias makes up for the mean of what leaves.
    if (kind === 'read')
      return [
        second.map(({ layer, places }): EndMoments => {
          const { tensor, axis } = layerRead(graph, layers.get(layer)!);
          const values = async (rows: DenseMatrix): Promise<DenseMatrix> => columnsOf(rows, places);
          return {
            tensor,
            axis,
            values,
            moments: new Moments(places.length, 0, layers.get(layer)!.bias, engine),
          };
        }),
      ];
    // The same is added to all products of a query by the mean of the keys: softmax takes no notice.
    return [first, second].map((ends, side) =>
      ends.map(({ layer, places }): EndMoments => {
        const { tensor, axis } = layerRead(graph, layers.get(layer)!);
        const values = madeAt(features.weights(layer), places, engine);
        return { tensor, axis, values, moments: new Moments(places.length, 0, side === 1, engine) };
      }),
    );
  });
  const all = sums.flat(2);
  const tensors = new Set(all.map(({ tensor }) => tensor));
  let batch = 0;
  for await (const { feeds, found } of observedBatches(model, features, [...tensors], inputs, signal)) {
    const share = samplesOf(feeds) / Math.max(1, inputs.samples);
    for (const tensor of tensors) {
      const own = all.filter((end) => end.tensor === tensor);
      const wanted = ROWS_PER_FEATURE * Math.max(...own.map(({ moments }) => moments.n));
      const reading = { axis: own[0]!.axis };
      const { rows } = sampleRows(found[tensor]!, reading, Math.ceil(wanted * share), batch, seed);
      for (const { values, moments } of own) await moments.add(await values(rows), denseMatrix(rows.rows, 0));
    }
    batch++;
  }
  return sums.map((sides) => sides.map((ends) => meanMoments(ends.map(({ moments }) => moments))));
}

/** What is summed up at one end of a block. */
interface EndMoments {
  /** The tensor that is observed, and the axis of its features. */
  readonly tensor: string;
  readonly axis: number;
  /** The block's features, of rows of that tensor. */
  readonly values: (rows: DenseMatrix) => Promise<DenseMatrix>;
  readonly moments: Moments;
}

/** What some rows of a layer's weights make of rows that it reads. */
function madeAt(
  { weights: { cols, data }, bias }: NarrowedWeights,
  places: readonly number[],
  engine: MatrixEngine,
): EndMoments['values'] {
  const own = denseMatrix(places.length, cols);
  for (const [i, place] of places.entries())
    own.data.set(data.subarray(place * cols, (place + 1) * cols), i * cols);
  const turned = transpose(own);
  return async (rows) => {
    const made = await engine.multiply(rows, turned);
    for (let at = 0; bias !== null && at < made.data.length; at++)
      made.data[at] = made.data[at]! + bias[places[at % made.cols]!]!;
    return made;
  };
}

/** With a little more on the diagonal: what never varies has an inverse too. */
function meanMoments(ends: readonly Moments[]): Matrix {
  const mean = ends
    .map((moments) => Matrix.from1DArray(moments.n, moments.n, moments.centred().zz))
    .reduce((all, own) => all.add(own));
  mean.div(ends.length);
  const floor = FLOOR * (mean.trace() / mean.rows) || 1;
  return mean.add(Matrix.eye(mean.rows).mul(floor));
}
