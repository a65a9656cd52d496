/**
 * A data set over arrays held in memory in their stored type; each batch is converted when it is asked for.
 */
import { InputError, tensorIndex } from '@spherize/core';
import { Digest } from '../files/digest.js';
import { assertBatchInside, type Dataset, type DatasetOptions, limitedCount } from './dataset.js';
import { createNormalization, normalizeSample } from './normalization.js';
import { elementCount, fitSampleShape, formatShape } from './sample-shape.js';

/** The number types that a data file can hold. */
export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** A row-major array as read from a file. */
export interface StoredArray {
  /** Where it was read from, for messages. */
  readonly path: string;
  readonly shape: readonly number[];
  /** As many numbers as the shape has elements. */
  readonly data: NumberArray;
}

/**
 * Makes a data set of inputs `[samples, ...]` and labels `[samples]` or `[samples, 1]`.
 *
 * Samples with two axes are images of one channel: `[samples, 28, 28]` becomes samples of shape `[1, 28, 28]`.
 * Bytes are scaled to [0, 1]; every other type is taken as is. Then follows `(x − mean) / std` per channel, where
 * the channels are the first axis of a sample.
 *
 * @throws InputError when the counts differ, there is no sample, a value is NaN or infinite, a label is not an integer of at least 0, or the
 * samples do not fit the model.
 */
export function createArrayDataset(
  name: string,
  inputs: StoredArray,
  labels: StoredArray,
  options: DatasetOptions,
): Dataset {
  const available = inputs.shape[0] ?? 0;
  checkCounts(available, inputs, labels);
  checkFinite(inputs);
  const classes = toClassIndices(labels);
  const axes = inputs.shape.slice(1);
  const own = axes.length === 2 ? [1, ...axes] : axes;
  const size = elementCount(own);
  const shape = fitSampleShape(own, options.sampleShape);
  const channels = own[0] ?? 1;
  const pixels = size / channels;
  const normalization = createNormalization(channels, inputs.data instanceof Uint8Array, options);
  const samples = limitedCount(available, options.limit);

  return {
    name,
    samples,
    shape,
    async digest() {
      const digest = new Digest().text(`${inputs.data.constructor.name} ${formatShape(own)}`);
      digest.numbers(inputs.data.subarray(0, samples * size));
      return digest.numbers(classes.subarray(0, samples)).end();
    },
    async batch(start, count) {
      assertBatchInside(samples, start, count);
      const values = new Float32Array(count * size);
      for (let i = 0; i < count; i++) {
        const layout = { offset: (start + i) * size, channelStride: pixels, pixelStride: 1 };
        normalizeSample(normalization, inputs.data, layout, pixels, values, i * size);
      }
      return { inputs: values, labels: classes.slice(start, start + count) };
    },
  };
}

function checkCounts(available: number, inputs: StoredArray, labels: StoredArray): void {
  const column = labels.shape.length === 1 || (labels.shape.length === 2 && labels.shape[1] === 1);
  if (!column) {
    throw new InputError(
      'BAD_FILE',
      `${labels.path}: labels must be one class index per sample, of shape [samples], got ${formatShape(labels.shape)}`,
    );
  }
  if (inputs.shape.length < 2 || elementCount(inputs.shape) === 0) {
    throw new InputError(
      'BAD_FILE',
      `${inputs.path}: inputs must have shape [samples, ...] with at least one sample, got ${formatShape(inputs.shape)}`,
    );
  }
  if (labels.shape[0] !== available) {
    throw new InputError(
      'BAD_FILE',
      `${labels.path}: has ${labels.shape[0]} labels for the ${available} samples of ${inputs.path}; give files that belong together`,
    );
  }
}

/** What is computed from NaN or infinity says nothing about a model. */
function checkFinite({ data, path, shape }: StoredArray): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (Number.isFinite(value)) continue;
    throw new InputError(
      'BAD_FILE',
      `${path}: has ${value} at [${tensorIndex(i, shape).join(', ')}], inputs must be finite; repair or remove that sample`,
    );
  }
}

function toClassIndices(labels: StoredArray): Int32Array {
  const { data, path } = labels;
  const classes = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const label = data[i]!;
    classes[i] = label;
    if (label < 0 || classes[i] !== label) {
      throw new InputError(
        'BAD_FILE',
        `${path}: label ${i} must be an integer of at least 0, got ${label}; number the classes from 0`,
      );
    }
  }
  return classes;
}
