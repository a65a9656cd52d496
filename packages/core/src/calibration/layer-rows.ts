/** What a layer reads, as rows of a product: each row is one position of one sample, or what a filter sees there. */
import { float32Values } from '../format/element-type.js';
import { type FilterWindow, spanOf } from '../format/filter-window.js';
import type { Tensor } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { Random } from '../random.js';
import { patchesOf } from './patches.js';

/** How a layer reads a tensor. */
export interface LayerReading {
  /** The axis of its features, counted from the end. */
  readonly axis: number;
  /** Of a convolution whose filters are to be laid out. */
  readonly window?: FilterWindow | undefined;
}

/** Rows, and the sample that each belongs to: entries of the tensor's first axis. */
export interface SampledRows {
  /** Shape `[rows, features]`; of patches `[rows, span·features]`. */
  readonly rows: DenseMatrix;
  readonly samples: Int32Array;
}

/**
 * Some of the rows of a tensor, spread over all samples and positions: the same ones of every tensor that differs in its features alone.
 *
 * @param wanted rows, all where there are fewer
 * @param batch the batch's number: others give other positions
 */
export function sampleRows(
  tensor: Tensor,
  { axis, window }: LayerReading,
  wanted: number,
  batch: number,
  seed = 0,
): SampledRows {
  const at = tensor.shape.length + axis;
  const width = tensor.shape[at]!;
  const first = at === 0 ? 1 : tensor.shape[0]!;
  if (window !== undefined) {
    const rows = patchesOf(tensor, { window, inputs: width }, wanted, batch);
    return {
      rows,
      samples: Int32Array.from({ length: rows.rows }, (_, row) => Math.floor((row * first) / rows.rows)),
    };
  }
  const inner = tensor.shape.slice(at + 1).reduce((product, size) => product * size, 1);
  const positions = width === 0 ? 0 : tensor.data.length / width;
  const values = float32Values(tensor);
  const count = Math.min(wanted, positions);
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ batch);
  const rows = denseMatrix(count, width);
  const samples = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    // One of each stretch of positions.
    const position = count === positions ? i : Math.floor(((i + random.uniform()) * positions) / count);
    const from = Math.floor(position / inner) * width * inner + (position % inner);
    if (inner === 1) rows.data.set(values.subarray(from, from + width), i * width);
    else for (let f = 0; f < width; f++) rows.data[i * width + f] = values[from + f * inner]!;
    samples[i] = Math.floor((position * first) / positions);
  }
  return { rows, samples };
}

/** Columns of the rows that a layer reads: its features, at every position of a filter that is laid out. */
export function columnsRead(features: number, { window }: LayerReading): number {
  return spanOf({ window }) * features;
}
