/** The weight tensors of a model, as their bytes lie in the shards. */
import type { io } from '@tensorflow/tfjs-core';
import { badModel } from './bad-model.js';

export type WeightSpec = io.WeightsManifestEntry;

/** One weight tensor. Bytes that nobody rewrites are written as they were read, quantised or not. */
export interface Weight {
  readonly spec: WeightSpec;
  readonly bytes: Uint8Array;
  /** The values where they are not the bytes themselves: those of quantised weights. */
  readonly decoded?: Float32Array;
  /** Where a rewrite's values could not be stored as they are. */
  readonly rounding?: Rounding;
}

/** What was to be stored in place of a quantised weight. */
export interface Rounding {
  readonly planned: Float32Array;
  /** The layer or operation that was rewritten. */
  readonly owner: string;
  /** The relative error that the storage of the old weight already left in its values, as a root mean square. */
  readonly before: number;
}

/** Weights by name, in the order of the file. */
export type Weights = ReadonlyMap<string, Weight>;

const BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
  complex64: 8,
};
const STRING_LENGTH_BYTES = 4;

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The bytes that a weight takes in its shards; undefined for text, whose length stands in the data.
 *
 * @throws InputError `BAD_FILE` for a shape or type that no tensor has
 */
export function byteLength({ name, shape, dtype, quantization }: WeightSpec): number | undefined {
  const valid = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const values = valid ? sizeOf(shape) : Number.NaN;
  if (!Number.isSafeInteger(values)) {
    throw badModel(`weight '${name}' has shape ${JSON.stringify(shape)}, expected sizes that fit in a file`);
  }
  if (dtype === 'string') return undefined;
  const bytes = BYTES[quantization?.dtype ?? dtype];
  if (bytes === undefined) {
    throw badModel(`weight '${name}' is of unknown type ${quantization?.dtype ?? dtype}`);
  }
  return values * bytes;
}

/**
 * Cuts the bytes of a group of shards into its weights, without copying.
 *
 * @throws InputError `BAD_FILE` when there are more or fewer bytes than the specifications say
 */
export function cutWeights(specs: readonly WeightSpec[], bytes: Uint8Array): Weight[] {
  let start = 0;
  const weights = specs.map((spec) => {
    const end = start + (byteLength(spec) ?? textLength(spec, bytes.subarray(start)));
    if (end > bytes.length) {
      throw badModel(
        `weight '${spec.name}' ends at byte ${end}, but its shards have ${bytes.length}: a shard is missing or cut short`,
      );
    }
    const weight = { spec, bytes: bytes.subarray(start, end) };
    start = end;
    return weight;
  });
  if (start !== bytes.length) {
    throw badModel(
      `the weights take ${start} bytes, but their shards have ${bytes.length}: these are not the shards of this model.json`,
    );
  }
  return weights;
}

function textLength({ shape }: WeightSpec, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < sizeOf(shape); i++) {
    if (at + STRING_LENGTH_BYTES > bytes.length) return Number.POSITIVE_INFINITY;
    at += STRING_LENGTH_BYTES + view.getUint32(at, true);
  }
  return at;
}

/** Whether a weight holds real numbers. */
export function isFloat({ spec }: Weight): boolean {
  return spec.dtype === 'float32';
}

/** The values of a float weight; a view into the bytes where these are aligned float32. */
export function floatValues(weight: Weight): Float32Array {
  const { spec, bytes, decoded } = weight;
  if (decoded !== undefined) return decoded;
  if (spec.dtype !== 'float32' || spec.quantization !== undefined) {
    throw new Error(`weight ${spec.name} holds no float32 values`);
  }
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, bytes.byteLength / 4);
}

/** The values of an int32 weight, also of a quantised one. */
export function intValues({ spec, bytes }: Weight): Int32Array | undefined {
  if (spec.dtype !== 'int32') return undefined;
  if (spec.quantization !== undefined) {
    const { dtype, scale = 1, min = 0 } = spec.quantization;
    const steps = dtype === 'uint8' ? bytes : new Uint16Array(bytes.slice().buffer);
    return Int32Array.from(steps, (step) => Math.round(step * scale + min));
  }
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, bytes.byteLength / 4);
}

/** A float32 weight of these values, which are not copied. */
export function floatWeight(name: string, shape: readonly number[], values: Float32Array): Weight {
  return {
    spec: { name, shape: [...shape], dtype: 'float32' },
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/** An int32 weight of these values, which are not copied. */
export function intWeight(name: string, shape: readonly number[], values: Int32Array): Weight {
  return {
    spec: { name, shape: [...shape], dtype: 'int32' },
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/** Number of real values in all weights of a model, those of an optimizer left out. */
export function parametersOf(weights: Weights): number {
  let values = 0;
  for (const weight of weights.values()) {
    if (isFloat(weight) && weight.spec.group !== 'optimizer') values += sizeOf(weight.spec.shape);
  }
  return values;
}
