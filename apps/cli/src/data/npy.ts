/**
 * NumPy's `.npy` files, through npyjs: the samples in one file, the labels in another.
 *
 * Little-endian; float16/32/64, signed and unsigned integers of 8 to 64 bits, truth values as 0 and 1.
 */
import { InputError, tensorIndex } from '@spherize/core';
import { parse } from 'npyjs';
import { createArrayDataset, type NumberArray, type StoredArray } from './array-dataset.js';
import type { Dataset, DatasetOptions } from './dataset.js';
import { readInputFile } from './input-file.js';
import { elementCount, formatShape } from './sample-shape.js';

const NUMBER_TYPES = new Set(['b1', 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8']);

/** Beyond it a double skips whole numbers. */
const LARGEST_EXACT = 2n ** 53n;

/**
 * Opens a pair of `.npy` files as a data set.
 *
 * @throws InputError when a file is missing, damaged or of a kind that is not read, or the two do not belong together.
 */
export async function openNpyDataset(
  name: string,
  inputsPath: string,
  labelsPath: string,
  options: DatasetOptions,
): Promise<Dataset> {
  const [inputs, labels] = await Promise.all([readNpy(inputsPath), readNpy(labelsPath)]);
  return createArrayDataset(name, inputs, labels, options);
}

/**
 * Reads one `.npy` file. Integers of 64 bits become float64, float16 becomes float32.
 *
 * @throws InputError when it is not `.npy`, of another type, not as long as its header says, or has an integer
 * beyond 2^53.
 */
export async function readNpy(path: string): Promise<StoredArray> {
  return parseNpyArray(path, await readInputFile(path));
}

/** The same from the bytes of a file; `path` is what messages call it. */
export function parseNpyArray(path: string, file: Uint8Array): StoredArray {
  const { data, shape, dtype, fortranOrder } = parseNpy(path, file);
  if (!NUMBER_TYPES.has(dtype)) {
    throw new InputError(
      'UNSUPPORTED',
      `${path}: elements of type ${dtype} are not read; save it with numpy.save as float32 or an integer type`,
    );
  }
  const elements = data as Elements;
  if (elements.length !== elementCount(shape)) {
    throw new InputError(
      'BAD_FILE',
      `${path}: holds ${elements.length} elements where its shape ${formatShape(shape)} needs ${elementCount(shape)}; save it again`,
    );
  }
  const numbers = asNumbers(path, shape, elements);
  return { path, shape, data: fortranOrder && shape.length > 1 ? rowMajor(numbers, shape) : numbers };
}

/** The numbers of an array whose first axis changes fastest. */
function rowMajor(data: NumberArray, shape: readonly number[]): NumberArray {
  const ordered = data.slice();
  const place = shape.map(() => 0);
  for (let i = 0; i < ordered.length; i++) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) from = from * shape[axis]! + place[axis]!;
    ordered[i] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0 && ++place[axis]! === shape[axis]; axis--) place[axis] = 0;
  }
  return ordered;
}

type Elements = NumberArray | BigInt64Array | BigUint64Array | boolean[];

function asNumbers(path: string, shape: readonly number[], elements: Elements): NumberArray {
  if (Array.isArray(elements)) return Int8Array.from(elements, Number);
  if (!(elements instanceof BigInt64Array || elements instanceof BigUint64Array)) return elements;
  const inexact = elements.findIndex((value: bigint) => value > LARGEST_EXACT || value < -LARGEST_EXACT);
  if (inexact >= 0)
    throw new InputError(
      'UNSUPPORTED',
      `${path}: has ${elements[inexact]} at [${tensorIndex(inexact, shape).join(', ')}], integers are read up to 2^53; save it with smaller ones`,
    );
  return Float64Array.from(elements, Number);
}

function parseNpy(path: string, file: Uint8Array): ReturnType<typeof parse> {
  const bytes = new ArrayBuffer(file.byteLength);
  new Uint8Array(bytes).set(file);
  try {
    return parse(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      'BAD_FILE',
      `${path}: could not be read as .npy (${reason}); save it with numpy.save, little-endian`,
      { cause },
    );
  }
}
