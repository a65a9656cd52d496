/** Tensors as rows of features, one for each position, and what filters see of them: forth, and back for gradients. */
import { patchesOf } from '../calibration/patches.js';
import { float32Values } from '../format/element-type.js';
import type { FilterWindow } from '../format/filter-window.js';
import type { Tensor } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/**
 * All positions of some samples, shape `[positions, features]`.
 *
 * @param axis that of the features, counted from the end
 * @param samples entries of the first axis
 */
export function rowsOfSamples(tensor: Tensor, axis: number, samples: readonly number[]): DenseMatrix {
  const { features, outer, inner } = layoutOf(tensor.shape, axis);
  const values = float32Values(tensor);
  const result = denseMatrix(samples.length * outer * inner, features);
  let row = 0;
  for (const sample of samples) {
    for (let o = 0; o < outer; o++) {
      const from = (sample * outer + o) * features * inner;
      for (let i = 0; i < inner; i++, row++)
        for (let f = 0; f < features; f++) result.data[row * features + f] = values[from + f * inner + i]!;
    }
  }
  return result;
}

/** All positions of a tensor; where features are its last axis, the values are shared. */
export function allRows(tensor: Tensor, axis: number): DenseMatrix {
  const { features, inner } = layoutOf(tensor.shape, axis);
  if (inner === 1) return denseMatrix(tensor.data.length / features, features, float32Values(tensor));
  return rowsOfSamples(tensor, axis, [...Array(tensor.shape[0]!).keys()]);
}

/** The tensor of these rows: the other way round, as `allRows`. @param shape of the tensor, with as many samples as the rows are of */
export function tensorOfRows({ data }: DenseMatrix, shape: readonly number[], axis: number): Tensor {
  const { features, outer, inner } = layoutOf(shape, axis);
  if (inner === 1) return { shape, data };
  const values = new Float32Array(data.length);
  let row = 0;
  for (let o = 0; o < shape[0]! * outer; o++) {
    const to = o * features * inner;
    for (let i = 0; i < inner; i++, row++)
      for (let f = 0; f < features; f++) values[to + f * inner + i] = data[row * features + f]!;
  }
  return { shape, data: values };
}

/** Positions of one sample. */
export function positionsOf(shape: readonly number[], axis: number): number {
  const { outer, inner } = layoutOf(shape, axis);
  return outer * inner;
}

/** Positions of a sample before and behind the axis of the features. */
function layoutOf(
  shape: readonly number[],
  axis: number,
): { features: number; outer: number; inner: number } {
  const at = shape.length + axis;
  const sizeOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  return { features: shape[at]!, outer: sizeOf(shape.slice(1, at)), inner: sizeOf(shape.slice(at + 1)) };
}

/** Which positions of a sample a layer reads at each of its places. */
export interface ReadPlaces {
  /** Shape `[places, span]`: a position, or −1 for zeros beside the image. */
  readonly positions: Int32Array;
  readonly span: number;
  /** Positions that a sample has. */
  readonly of: number;
}

/** @param window of a convolution; a product reads each position alone */
export function readPlaces(
  shape: readonly number[],
  axis: number,
  window: FilterWindow | undefined,
): ReadPlaces {
  const of = positionsOf(shape, axis);
  if (window === undefined) return { positions: Int32Array.from({ length: of }, (_, p) => p), span: 1, of };
  // What a filter sees of an image that holds the number of each position, from 1 on.
  const sizes = window.channels === 'first' ? [1, 1, ...shape.slice(2)] : [1, ...shape.slice(1, -1), 1];
  const numbers = { shape: sizes, data: Float32Array.from({ length: of }, (_, p) => p + 1) };
  const { data, cols } = patchesOf(numbers, { window, inputs: 1 }, Number.MAX_SAFE_INTEGER, 0);
  return { positions: Int32Array.from(data, (number) => number - 1), span: cols, of };
}

/**
 * What a layer reads, shape `[places, span·features + 1]`: 1 in the last column, for the bias.
 *
 * @param room takes the values, where it is as long as they are
 */
export function readRows(
  rows: DenseMatrix,
  { positions, span, of }: ReadPlaces,
  room?: Float32Array,
): DenseMatrix {
  const { cols, data } = rows;
  const samples = rows.rows / of;
  const places = positions.length / span;
  const width = span * cols + 1;
  const own = room?.length === samples * places * width ? room : undefined;
  const result = denseMatrix(samples * places, width, own);
  const out = result.data;
  for (let sample = 0, to = 0; sample < samples; sample++) {
    for (let at = 0; at < positions.length; at++) {
      const position = positions[at]!;
      if (position >= 0) {
        const from = (sample * of + position) * cols;
        for (let f = 0; f < cols; f++) out[to + f] = data[from + f]!;
      } else if (own !== undefined) own.fill(0, to, to + cols);
      to += cols;
      if ((at + 1) % span === 0) out[to++] = 1;
    }
  }
  return result;
}

/**
 * What each position gets back from all places that read it: the transpose of `readRows`, without the bias.
 *
 * @param read shape `[places, span·features]`
 * @param result shape `[positions, features]`, to which it is added
 */
export function addReadRows(read: DenseMatrix, places: ReadPlaces, result: DenseMatrix): void {
  const { cols, data } = result;
  forEachRead(places, result.rows, (row, position, s) => {
    const from = (row * places.span + s) * cols;
    const to = position * cols;
    for (let f = 0; f < cols; f++) data[to + f] = data[to + f]! + read.data[from + f]!;
  });
}

/** Calls with every row of a layer, a position that it reads, counted over all samples, and that one's place in the filter. @param rows positions */
export function forEachRead(
  { positions, span, of }: ReadPlaces,
  rows: number,
  visit: (row: number, position: number, s: number) => void,
): void {
  const places = positions.length / span;
  for (let sample = 0; sample < rows / of; sample++) {
    for (let at = 0; at < positions.length; at++) {
      const position = positions[at]!;
      if (position >= 0) visit(sample * places + Math.floor(at / span), sample * of + position, at % span);
    }
  }
}
