/** Tensors as onnxruntime takes and gives them. */
import {
  allocateValues,
  type ElementType,
  fromFloat16,
  InputError,
  type Tensor,
  toFloat16,
  valueRange,
} from '@spherize/core';
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import type { OnnxRuntime } from './onnx-runtime.js';

type Values = Tensor['data'];
type NumberType = Exclude<ElementType, 'string' | 'other'>;

/** The arrays in which onnxruntime takes numbers, by type. */
const ENCODERS: Readonly<Record<NumberType, (data: Values) => OrtTensor.DataType>> = {
  float32: (data: Values) => (data instanceof Float32Array ? data : Float32Array.from(data)),
  float16: (data: Values) => Uint16Array.from(data, toFloat16),
  float64: (data: Values) => Float64Array.from(data),
  int8: (data: Values) => Int8Array.from(data),
  uint8: (data: Values) => Uint8Array.from(data),
  int16: (data: Values) => Int16Array.from(data),
  uint16: (data: Values) => Uint16Array.from(data),
  int32: (data: Values) => Int32Array.from(data),
  uint32: (data: Values) => Uint32Array.from(data),
  int64: (data: Values) => BigInt64Array.from(data, BigInt),
  uint64: (data: Values) => BigUint64Array.from(data, BigInt),
  bool: (data: Values) => Uint8Array.from(data),
};

/** Whether tensors of a type, as onnxruntime names it, hold numbers that can be fed and fetched. */
export function holdsNumbers(type: string): type is NumberType {
  return Object.hasOwn(ENCODERS, type);
}

/**
 * @param runtime whose tensor it becomes
 * @param name what to call the tensor in messages
 * @throws InputError `UNSUPPORTED` for a type that holds no numbers, `BAD_ARGUMENT` for a value that the type does not hold
 */
export function toOrt(
  { Tensor: OrtTensor }: OnnxRuntime,
  name: string,
  type: string,
  { data, shape }: Tensor,
): OrtTensor {
  if (!holdsNumbers(type))
    throw new InputError(
      'UNSUPPORTED',
      `the model's input ${name} takes ${type}, which cannot be fed: give a model that takes numbers`,
    );
  requireHeld(name, type, data);
  const values = ENCODERS[type](data);
  const tensor = new OrtTensor(type as 'float32', values as Float32Array, shape);
  // Where JavaScript has Float16Array, the tensor holds one now, of which the native library reads nothing: it takes bit patterns.
  if (type === 'float16') Object.defineProperty(tensor, 'data', { value: values });
  return tensor;
}

/** Whole numbers are not rounded silently, nor do they wrap around. */
function requireHeld(name: string, type: ElementType, data: Values): void {
  const { least, most, whole } = valueRange(type)!;
  if (!whole) return;
  for (const value of data) {
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new InputError(
      'BAD_ARGUMENT',
      `the model's input ${name} takes ${type}, whole numbers from ${least} to ${most}, got ${value}`,
    );
  }
}

/** A tensor of one of the types that hold numbers. */
export function fromOrt({ data, dims, type }: OrtTensor): Tensor {
  const shape = [...dims];
  if (data instanceof Float32Array) return { shape, data };
  const values = allocateValues(type as ElementType, data.length);
  // Newer runtimes hand out Float16Array, older ones the bit patterns.
  const decode = type === 'float16' && data instanceof Uint16Array ? fromFloat16 : Number;
  for (let i = 0; i < values.length; i++) values[i] = decode(data[i] as number);
  return { shape, data: values };
}
