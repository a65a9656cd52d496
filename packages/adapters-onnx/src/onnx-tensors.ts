/** The constants of an ONNX file, for whoever carries them into another format. */
import type { Tensor } from '@spherize/core';
import { decodeModel } from './proto/decode-model.js';
import { attribute } from './proto/onnx-protos.js';
import { dimsOf, floatValues, isFloatType } from './proto/tensor-values.js';

/** A tensor of float32. */
export interface FloatTensor extends Tensor {
  readonly data: Float32Array;
}

/**
 * The float initializers and constants of a model, by name and as float32. Values stored as float32 are viewed, not copied.
 *
 * @throws InputError `BAD_FILE` when the bytes are no ONNX model
 */
export function onnxTensors(bytes: Uint8Array): ReadonlyMap<string, FloatTensor> {
  const { initializer, node } = decodeModel(bytes, 'the data').graph!;
  const tensors = new Map<string, FloatTensor>();
  const constants = node
    .filter(({ opType }) => opType === 'Constant')
    .map((constant) => [constant.output[0]!, attribute(constant, 'value')?.t] as const);
  for (const [name, tensor] of [...initializer.map((own) => [own.name, own] as const), ...constants]) {
    if (tensor === undefined || !isFloatType(tensor.dataType)) continue;
    tensors.set(name, { shape: dimsOf(tensor), data: floatValues(tensor) });
  }
  return tensors;
}
