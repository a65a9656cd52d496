/** Tensors as TensorFlow.js takes and gives them. */
import { float32Values, InputError, type Tensor, type TensorInfo, valueRange } from '@spherize/core';
import type { DataType, Tensor as TfTensor } from '@tensorflow/tfjs-core';

/**
 * @param make TensorFlow.js' `tensor`
 * @throws InputError `UNSUPPORTED` for an input that takes no numbers, `BAD_ARGUMENT` for one that is missing and for values that it
 * does not hold
 */
export function toTf(
  make: (values: Float32Array | Int32Array | Uint8Array, shape: number[], type: DataType) => TfTensor,
  { name, type = 'float32' }: TensorInfo,
  value: Tensor | undefined,
): TfTensor {
  const range = valueRange(type);
  if (range === undefined)
    throw new InputError(
      'UNSUPPORTED',
      `the model's input ${name} takes ${type}, which cannot be fed: give a model that takes numbers`,
    );
  if (value === undefined) throw new InputError('BAD_ARGUMENT', `the model's input ${name} is missing`);
  const shape = [...value.shape];
  if (!range.whole) return make(float32Values(value), shape, 'float32');
  const { least, most } = range;
  const wrong = value.data.find((number) => !Number.isInteger(number) || number < least || number > most);
  if (wrong !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `the model's input ${name} takes ${type}, whole numbers from ${least} to ${most}, got ${wrong}`,
    );
  return type === 'bool'
    ? make(Uint8Array.from(value.data), shape, 'bool')
    : make(Int32Array.from(value.data), shape, 'int32');
}

/** The results that hold numbers, by name; their memory is left to the caller. */
export async function fromTf(
  names: readonly string[],
  results: readonly TfTensor[],
): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const [i, name] of names.entries()) {
    const { dtype, shape } = results[i]!;
    if (dtype === 'string' || dtype === 'complex64') continue;
    const data = await results[i]!.data();
    tensors[name] = { shape, data: dtype === 'int32' ? Float64Array.from(data) : Float32Array.from(data) };
  }
  return tensors;
}
