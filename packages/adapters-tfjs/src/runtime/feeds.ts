/** Tensors as TensorFlow.js takes and gives them. */
import { float32Values, InputError, type Tensor, type TensorInfo, valueRange } from '@spherize/core';
import type { DataType, Tensor as TfTensor } from '@tensorflow/tfjs-core';

type Make = (values: Float32Array | Int32Array | Uint8Array, shape: number[], type: DataType) => TfTensor;

/**
 * @param make TensorFlow.js' `tensor`
 * @throws InputError `UNSUPPORTED` for an input that takes no numbers, `BAD_ARGUMENT` for one that is missing and for values that it
 * does not hold
 */
export function toTf(
  make: Make,
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

/** In what type TensorFlow.js made a tensor: those of a whole model may be of any. */
const types = new WeakMap<Tensor, DataType>();

/**
 * A tensor from which a part of a model goes on, in the type in which another part made it.
 *
 * @param make TensorFlow.js' `tensor`
 * @throws InputError `BAD_ARGUMENT` where it is missing
 */
export function backToTf(make: Make, info: TensorInfo, value: Tensor | undefined): TfTensor {
  const type = value && types.get(value);
  return toTf(make, type === 'bool' || type === 'int32' ? { ...info, type } : info, value);
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
    const tensor = { shape, data: dtype === 'int32' ? Float64Array.from(data) : Float32Array.from(data) };
    types.set(tensor, dtype);
    tensors[name] = tensor;
  }
  return tensors;
}
