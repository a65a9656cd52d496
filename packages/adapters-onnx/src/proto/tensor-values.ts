/**
 * The values of ONNX tensors as float32 or as integers, and back.
 *
 * ONNX stores values little-endian in `raw_data` or in one of the typed fields. Float32 data is viewed in place when
 * it is aligned to four bytes; every other form is decoded into a new array.
 */
import { create } from '@bufbuild/protobuf';
import { fromFloat16, fromFloat16s, InputError, toFloat16, toFloat16s } from '@spherize/core';
import { TensorProto_DataType as DataType, type TensorProto, TensorProtoSchema } from 'onnx-buf';
import { fromBfloat16, toBfloat16 } from './bfloat16.js';

/** Whether the values of a tensor of this type can be read and written as float32. */
export function isFloatType(dataType: number): boolean {
  return (
    dataType === DataType.FLOAT ||
    dataType === DataType.FLOAT16 ||
    dataType === DataType.BFLOAT16 ||
    dataType === DataType.DOUBLE
  );
}

/** The largest relative error of rounding to a float type, as far as float32 can show it. */
export function roundoffOf(dataType: number): number {
  if (dataType === DataType.FLOAT16) return 2 ** -11;
  return dataType === DataType.BFLOAT16 ? 2 ** -8 : 2 ** -24;
}

/** The name of a data type in lower case, for messages: `float16`. */
export function dataTypeName(dataType: number): string {
  return (DataType[dataType] ?? `type ${dataType}`).toLowerCase();
}

/** The most axes that are worked with, as in NumPy: more come from broken files. */
export const LARGEST_RANK = 64;

/** A tensor's dims as numbers. */
export function dimsOf(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/** Number of values of a tensor, 1 for a scalar. */
export function sizeOf(tensor: TensorProto): number {
  return dimsOf(tensor).reduce((product, dim) => product * dim, 1);
}

/**
 * The values of a float tensor, row-major: a view into the file where possible, so do not write to it.
 *
 * @throws InputError `BAD_FILE` when the number of values and the dims disagree
 */
export function floatValues(tensor: TensorProto): Float32Array {
  const values = decodeFloats(tensor);
  if (values.length !== sizeOf(tensor)) {
    throw new InputError(
      'BAD_FILE',
      `tensor ${tensor.name}: dims [${tensor.dims.join(', ')}] need ${sizeOf(tensor)} values, got ${values.length}`,
    );
  }
  return values;
}

/** Whether `integerValues` reads tensors of this type. */
export function isIntegerType(dataType: number): boolean {
  return dataType === DataType.INT64 || dataType === DataType.INT32 || dataType === DataType.BOOL;
}

/** The values of an int64, int32 or bool tensor as numbers. */
export function integerValues(tensor: TensorProto): number[] {
  const { rawData } = tensor;
  const raw = rawData.length > 0;
  switch (tensor.dataType) {
    case DataType.INT64:
      return Array.from(raw ? new BigInt64Array(aligned(rawData, 8)) : tensor.int64Data, Number);
    case DataType.INT32:
      return Array.from(raw ? new Int32Array(aligned(rawData, 4)) : tensor.int32Data);
    case DataType.BOOL:
      return Array.from(raw ? rawData : tensor.int32Data);
    default:
      throw new Error(`tensor ${tensor.name}: expected integers, got ${dataTypeName(tensor.dataType)}`);
  }
}

/** A tensor that holds float32 values in the given data type. Float32 values are shared, not copied. */
export function floatTensor(
  name: string,
  dims: readonly number[],
  dataType: number,
  values: Float32Array,
): TensorProto {
  return rawTensor(name, dims, dataType, encodeFloats(dataType, values));
}

/** The first magnitude that rounds to infinity. */
const FLOAT16_OVERFLOW = 65520;

/** Whether a data type holds all of these values as numbers. */
export function fitsType(dataType: number, values: Float32Array): boolean {
  const limit = dataType === DataType.FLOAT16 ? FLOAT16_OVERFLOW : Number.POSITIVE_INFINITY;
  return values.every((value) => Math.abs(value) < limit);
}

/** Half of the smallest step of float16, by which a small value is off at most. */
const FLOAT16_HALF_STEP = 2 ** -25;
/** The share of a feature's weights that rounding may take: a thousand times what it takes of values that are not small. */
const LARGEST_LOSS = 1 / 16;

/**
 * Whether a type keeps what there is of each feature: float16 has few numbers below 2⁻¹⁴, and none between 0 and 2⁻²⁴.
 *
 * @param parts values of the same features, one feature after the other, each with its type
 */
export function keepsFeatures(
  features: number,
  parts: readonly { readonly dataType: number; readonly values: Float32Array }[],
): boolean {
  const halves = parts.filter(({ dataType }) => dataType === DataType.FLOAT16);
  if (halves.length === 0) return true;
  for (let i = 0; i < features; i++) {
    let [planned, lost] = [0, 0];
    for (const { values } of halves) {
      const width = values.length / features;
      for (const value of values.subarray(i * width, (i + 1) * width)) {
        planned += value ** 2;
        // Larger ones lose no such share.
        if (Math.abs(value) < FLOAT16_HALF_STEP / LARGEST_LOSS)
          lost += (value - fromFloat16(toFloat16(value))) ** 2;
      }
    }
    if (lost > LARGEST_LOSS ** 2 * planned) return false;
  }
  return true;
}

/** A one-dimensional int64 tensor. */
export function int64Tensor(name: string, values: readonly number[]): TensorProto {
  return rawTensor(name, [values.length], DataType.INT64, BigInt64Array.from(values, BigInt));
}

/** A one-dimensional int32 tensor that shares its values. */
export function int32Tensor(name: string, values: Int32Array): TensorProto {
  return rawTensor(name, [values.length], DataType.INT32, values);
}

/** A tensor that shares its values. */
export function rawTensor(
  name: string,
  dims: readonly number[],
  dataType: number,
  values: ArrayBufferView,
): TensorProto {
  const rawData = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType, rawData });
}

function decodeFloats(tensor: TensorProto): Float32Array {
  const { rawData } = tensor;
  const raw = rawData.length > 0;
  switch (tensor.dataType) {
    case DataType.FLOAT:
      if (!raw) return Float32Array.from(tensor.floatData);
      return rawData.byteOffset % 4 === 0
        ? new Float32Array(rawData.buffer, rawData.byteOffset, Math.floor(rawData.byteLength / 4))
        : new Float32Array(aligned(rawData, 4));
    case DataType.DOUBLE:
      return Float32Array.from(raw ? new Float64Array(aligned(rawData, 8)) : tensor.doubleData);
    case DataType.FLOAT16:
      return fromFloat16s(raw ? new Uint16Array(aligned(rawData, 2)) : tensor.int32Data);
    case DataType.BFLOAT16:
      return Float32Array.from(raw ? new Uint16Array(aligned(rawData, 2)) : tensor.int32Data, fromBfloat16);
    default:
      throw new Error(`tensor ${tensor.name}: expected floats, got ${dataTypeName(tensor.dataType)}`);
  }
}

function encodeFloats(dataType: number, values: Float32Array): ArrayBufferView {
  switch (dataType) {
    case DataType.DOUBLE:
      return Float64Array.from(values);
    case DataType.FLOAT16:
      return toFloat16s(values);
    case DataType.BFLOAT16:
      return Uint16Array.from(values, toBfloat16);
    default:
      return values;
  }
}

/** A copy of the bytes that starts at an aligned address and holds whole elements. */
function aligned(bytes: Uint8Array, elementSize: number): ArrayBuffer {
  return new Uint8Array(bytes.subarray(0, bytes.length - (bytes.length % elementSize))).buffer;
}
