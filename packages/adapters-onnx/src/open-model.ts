/** From a decoded ONNX file to a model. */
import { InputError, type Model, type ReadOptions } from '@spherize/core';
import { checkModel } from './graph/check-model.js';
import type { HeldModel, OnnxHost } from './host.js';
import { OnnxModel } from './onnx-model.js';
import { decodeModel } from './proto/decode-model.js';
import { encodedModel } from './proto/encode-model.js';
import { type ExternalFiles, takeExternalValues } from './proto/external-tensors.js';
import { withFloats } from './storage/stored-weights.js';
import { sortedModel } from './tensors/node-order.js';

/**
 * @param source what to call the model in messages
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`
 */
export function openModel(held: HeldModel, host: OnnxHost, source: string, options: ReadOptions): Model {
  checkModel(held.proto, source);
  const { model, stored } = withFloats(sortedModel(held.proto));
  return new OnnxModel({ ...held, proto: model }, host, { ...options, stored });
}

export interface BytesOptions extends ReadOptions {
  /**
   * For a model whose values lie in files beside it: the bytes of these files, by the path that the model gives for them. They are viewed, not
   * copied.
   */
  readonly external?: ExternalFiles | undefined;
  /** What to call the model in messages, such as the file's name. Default `the data`. */
  readonly source?: string | undefined;
}

/** The model of an ONNX file's bytes, which are viewed, not copied. */
export function openBytes(
  bytes: Uint8Array,
  host: OnnxHost,
  { dequantize, external = {}, source = 'the data' }: BytesOptions,
): Model {
  const proto = decodeModel(bytes, source);
  const held = takeExternalValues(proto, external, source) ? { proto, external: true } : { proto, bytes };
  return openModel(held, host, source, { dequantize });
}

/**
 * The ONNX file of a model of this package, whatever read it: the bytes that `write` would write as one file.
 *
 * @returns the very bytes that were read where nothing was rewritten: leave them as they are
 * @throws InputError `BAD_ARGUMENT` for a model of another package; `UNSUPPORTED` for more than 2 GiB, where a file ends
 */
export function onnxBytes(model: Model): Uint8Array {
  if (!(model instanceof OnnxModel)) {
    throw new InputError('BAD_ARGUMENT', 'the model is of another format: it has no ONNX bytes');
  }
  const { proto, bytes } = model.held();
  return bytes ?? encodedModel(proto);
}
