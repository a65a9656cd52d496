/** A layer as products over rows, one for each of its groups: most layers have one. */
import type { FeatureLayer } from '../format/feature-flow.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** The weights of one group at rows that hold what the network as it is reads. */
export interface GroupWeights {
  /** By column of the rows, its place among those of the group's weights `[outputs, span · inputs]` at their full size. */
  readonly columns: Int32Array;
  /** By column of the rows, the feature that it belongs to. */
  readonly features: Int32Array;
  /** Shape `[m, n]`, m outputs of the group and n columns of the rows. */
  readonly weights: DenseMatrix;
  readonly bias: Float32Array | undefined;
}

/**
 * W of one group over what a filter sees, shape `[outputs / groups, span · inputs / groups]`; the values are shared.
 *
 * @param weights `[outputs·span, inputs / groups]`
 */
export function weightsOfGroup(
  { outputs, groups, span }: FeatureLayer,
  { cols, data }: DenseMatrix,
  group: number,
): DenseMatrix {
  const [rows, own] = [outputs / groups, span * cols];
  return denseMatrix(rows, own, data.subarray(group * rows * own, (group + 1) * rows * own));
}

/**
 * The columns that a group reads, of rows with those of all groups at each position of a filter.
 *
 * @param span positions of the filter that lie in a row: 1 where filters are not laid out
 */
export function columnsOfGroup(
  rows: DenseMatrix,
  { groups }: FeatureLayer,
  group: number,
  span: number,
): DenseMatrix {
  if (groups === 1) return rows;
  const width = rows.cols / span / groups;
  const result = denseMatrix(rows.rows, span * width);
  for (let row = 0; row < rows.rows; row++) {
    for (let s = 0; s < span; s++) {
      const from = row * rows.cols + (s * groups + group) * width;
      result.data.set(rows.data.subarray(from, from + width), (row * span + s) * width);
    }
  }
  return result;
}

/** The weights of a group as they are. */
export function groupWeights(network: NarrowedNetwork, layer: FeatureLayer, group: number): GroupWeights {
  const { weights, bias } = network.weights(layer.name);
  const full = weightsOfGroup(layer, weights, group);
  const width = layer.inputs / layer.groups;
  const left = network.placesLeft(layer.name);
  const each = left.length / layer.groups;
  const places = left.subarray(group * each, (group + 1) * each);
  const labels = network.columns(layer.name);
  const read = Int32Array.from({ length: layer.span * each }, (_, c) => places[c % each]!);
  const columns = read.map((place, c) => Math.floor(c / each) * width + place - group * width);
  const outputs = layer.outputs / layer.groups;
  return {
    columns,
    features: read.map((place) => labels[place]!),
    weights: columnsOf(full, columns),
    bias: bias?.subarray(group * outputs, (group + 1) * outputs),
  };
}

/** Puts the weights of some of a group's columns in the place of all that it had. */
export function replaceGroup(
  network: NarrowedNetwork,
  layer: FeatureLayer,
  group: number,
  columns: ArrayLike<number>,
  weights: DenseMatrix,
  bias: ArrayLike<number> | undefined,
): void {
  const present = network.weights(layer.name);
  const own = denseMatrix(present.weights.rows, present.weights.cols, present.weights.data.slice());
  const outputs = layer.outputs / layer.groups;
  const width = own.data.length / layer.outputs;
  for (let row = 0; row < outputs; row++) {
    const at = (group * outputs + row) * width;
    own.data.fill(0, at, at + width);
    for (let k = 0; k < columns.length; k++)
      own.data[at + columns[k]!] = weights.data[row * columns.length + k]!;
  }
  const added = present.bias?.slice() ?? null;
  if (bias !== undefined) added?.set(bias, group * outputs);
  network.refit(layer.name, { weights: own, bias: added });
}

/** Some columns of a matrix. */
export function columnsOf({ rows, cols, data }: DenseMatrix, columns: ArrayLike<number>): DenseMatrix {
  const result = denseMatrix(rows, columns.length);
  for (let row = 0, at = 0; row < rows; row++)
    for (let k = 0; k < columns.length; k++) result.data[at++] = data[row * cols + columns[k]!]!;
  return result;
}

/** Places of each of some features, in order. */
export function placesByFeature(features: readonly number[], labels: Int32Array): number[][] {
  const index = new Map(features.map((feature, place) => [feature, place]));
  const found: number[][] = features.map(() => []);
  for (const [c, label] of labels.entries()) {
    const place = index.get(label);
    if (place !== undefined) found[place]!.push(c);
  }
  return found;
}
