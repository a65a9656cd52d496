/**
 * A data set over arrays held in memory in their stored type; each batch is converted when it is asked for.
 */
import { allocateValues, InputError } from '@spherize/core';
import { Digest } from '../files/digest.js';
import { assertInside, type ClassCount, type Dataset, type DatasetOptions, limitedCount } from './dataset.js';
import { checkValues } from './held-values.js';
import { createNormalization, normalizeInterleaved, normalizeSample } from './normalization.js';
import { channelAxis, elementCount, fitSampleShape, formatShape } from './sample-shape.js';

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
 * Where the model takes floats, bytes are scaled to [0, 1] and every other type is taken as is; then follows `(x − mean) / std`
 * per channel. The channels are the last axis of images with 1, 3 or 4 of them there, otherwise the first axis of a sample.
 * Inputs of whole numbers get what is stored.
 *
 * @throws InputError when the counts differ, there is no sample, a value is NaN, infinite or none that the model's input holds, a label is
 * not an integer of at least 0, or the samples do not fit the model.
 */
export function createArrayDataset(
  name: string,
  inputs: StoredArray,
  labels: StoredArray,
  options: DatasetOptions,
): Dataset {
  const available = inputs.shape[0] ?? 0;
  if (inputs.shape.length < 2 || elementCount(inputs.shape) === 0) {
    throw new InputError(
      'BAD_FILE',
      `${inputs.path}: inputs must have shape [samples, ...] with at least one sample, got ${formatShape(inputs.shape)}`,
    );
  }
  const { input = 'input', type, scores } = options;
  const classes = classIndices(labels, { path: inputs.path, samples: available }, options);
  const axes = inputs.shape.slice(1);
  const own = axes.length === 2 ? [1, ...axes] : axes;
  const size = elementCount(own);
  const shape = fitSampleShape(own, options.sampleShape);
  const axis = channelAxis(own);
  const channels = own[axis] ?? 1;
  const pixels = size / channels;
  const normalization = createNormalization(channels, inputs.data instanceof Uint8Array, options);
  checkValues(inputs, normalization, type);
  const samples = limitedCount(available, options.limit);

  return {
    name,
    samples,
    scores,
    classes: countedClasses(classes),
    async digest() {
      const digest = new Digest().text(`${inputs.data.constructor.name} ${formatShape(own)}`);
      digest.numbers(inputs.data.subarray(0, samples * size));
      return digest.numbers(classes.subarray(0, samples)).end();
    },
    async batch(positions) {
      assertInside(samples, positions);
      const values = allocateValues(type, positions.length * size);
      for (const [i, position] of positions.entries()) {
        const offset = position * size;
        if (axis === 0) {
          const layout = { offset, channelStride: pixels, pixelStride: 1 };
          normalizeSample(normalization, inputs.data, layout, pixels, values, i * size);
        } else {
          const sample = inputs.data.subarray(offset, offset + size);
          normalizeInterleaved(normalization, sample, values, i * size);
        }
      }
      return {
        inputs: { [input]: { shape: [positions.length, ...shape], data: values } },
        labels: Int32Array.from(positions, (position) => classes[position]!),
      };
    },
  };
}

/**
 * The class of each sample, from an array of shape `[samples]` or `[samples, 1]`.
 *
 * @param of what the labels belong to
 * @throws InputError when the counts differ, a label is not an integer of at least 0, or names of folders are given
 */
export function classIndices(
  labels: StoredArray,
  of: { readonly path: string; readonly samples: number },
  { labelOffset = 0, classNames }: Pick<DatasetOptions, 'labelOffset' | 'classNames'>,
): Int32Array {
  if (classNames !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--classes puts the folders of folder: in order, but the labels of ${labels.path} are numbers: use --label-offset to shift them`,
    );
  const column = labels.shape.length === 1 || (labels.shape.length === 2 && labels.shape[1] === 1);
  if (!column) {
    throw new InputError(
      'BAD_FILE',
      `${labels.path}: labels must be one class index per sample, of shape [samples], got ${formatShape(labels.shape)}`,
    );
  }
  if (labels.shape[0] !== of.samples) {
    throw new InputError(
      'BAD_FILE',
      `${labels.path}: has ${labels.shape[0]} labels for the ${of.samples} samples of ${of.path}; give files that belong together`,
    );
  }
  return toClassIndices(labels, labelOffset);
}

/** The classes that labels show. */
export function countedClasses(classes: Int32Array): ClassCount {
  return { count: classes.reduce((most, label) => Math.max(most, label), 0) + 1, from: 'labels' };
}

function toClassIndices({ data, path }: StoredArray, offset: number): Int32Array {
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
    classes[i] = label + offset;
    if (label + offset < 0)
      throw new InputError(
        'BAD_FILE',
        `${path}: label ${i} is ${label}, which --label-offset ${offset} makes negative; give a larger offset`,
      );
  }
  return classes;
}
