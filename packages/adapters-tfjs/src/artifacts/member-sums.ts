/** Weights that add up the members of clusters. */
import type { InputForm } from '@spherize/core';
import { floatValues, floatWeight, sizeOf, type Weight } from './weights.js';

/** Kernels above this size are weights, however they look. */
const LARGEST_SUM = 2 ** 24;

/** Ones and zeros in a byte each, which every loader reads as float32. */
export function bitWeight(name: string, shape: readonly number[], bytes: Uint8Array): Weight {
  const quantization = { dtype: 'uint8' as const, scale: 1, min: 0 };
  return {
    spec: { name, shape: [...shape], dtype: 'float32', quantization },
    bytes,
    decoded: Float32Array.from(bytes),
  };
}

/**
 * A form as one product `[n, k]` at every position: row j holds the factor of column j in the column of its cluster. Its filters look at one
 * position, so that it needs to know no size, and folds whatever order the columns lie in.
 *
 * @param columns n
 * @param axes of the image: as many sizes of one stand before n and k
 */
export function pointwiseSum(
  name: string,
  columns: number,
  axes: number,
  { gather, multiply, groups }: InputForm,
): Weight {
  const clusters = groups.reduce((sum, { count }) => sum + count, 0);
  const shape = [...Array<number>(axes).fill(1), columns, clusters];
  const values = new Float32Array(columns * clusters);
  let member = 0;
  let cluster = 0;
  for (const { size, count } of groups) {
    for (const end = cluster + count; cluster < end; cluster++) {
      for (const last = member + size; member < last; member++) {
        values[(gather?.[member] ?? member) * clusters + cluster] = multiply?.[member] ?? 1;
      }
    }
  }
  return multiply === null
    ? bitWeight(name, shape, Uint8Array.from(values))
    : floatWeight(name, shape, values);
}

/**
 * Whether a kernel `[…, n, k]` whose leading axes have size one only adds up what it is multiplied by, each into one output at most: the
 * cluster sum of a compressed model.
 */
export function isMemberSum(weight: Weight): boolean {
  const { shape } = weight.spec;
  const [rows, columns] = shape.slice(-2) as [number, number];
  const size = rows * columns;
  if (size > LARGEST_SUM || size !== sizeOf(shape) || rows < 2) return false;
  const values = floatValues(weight);
  let members = 0;
  for (let i = 0; i < rows; i++) {
    let ones = 0;
    for (let j = i * columns; j < (i + 1) * columns; j++) {
      if (values[j] === 1) ones++;
      else if (values[j] !== 0) return false;
    }
    if (ones > 1) return false;
    members += ones;
  }
  return members > 0;
}

/** How many multiplications of a convolution, per position that it makes, a product at every position that it reads may cost. */
const SMALL_SHARE = 1 / 4;

/**
 * Whether a sum as a product at every position is small beside the convolution that reads it: beside filters of several positions it takes
 * fewer multiplications than reshaping takes time.
 *
 * @param rows outputs · span of the convolution
 * @param stride positions that it reads for each one that it makes
 */
export function isSmallBeside(columns: number, rows: number, stride: number): boolean {
  return columns * stride <= SMALL_SHARE * rows;
}

/** The most clusters with which a product at every position takes fewer multiplications than it saves; as above. */
export function mostBesideProduct(columns: number, rows: number, stride: number): number {
  return Math.min(columns - 1, Math.ceil((rows * columns) / (columns * stride + rows)) - 1);
}
