/** ONNX models as bytes, wherever JavaScript runs: nothing here is of Node or of a browser. */
import type { Model } from '@spherize/core';
import { bytesHost } from './bytes-host.js';
import { type BytesOptions, openBytes } from './open-model.js';
import type { OnnxRuntime } from './runtime/onnx-runtime.js';

export interface OnnxModelOptions extends BytesOptions {
  /** What runs the model, and its large products: what a package of onnxruntime exports. Left out: it is not run. */
  readonly runtime?: OnnxRuntime | undefined;
}

/**
 * The model of an ONNX file's bytes, which are viewed, not copied: leave them as they are. `onnxBytes` turns it into bytes again.
 *
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`, `NOT_FOUND` for external data that are not given
 */
export function onnxModel(bytes: Uint8Array, { runtime, ...options }: OnnxModelOptions = {}): Model {
  return openBytes(bytes, bytesHost(runtime), options);
}

export { type FloatTensor, onnxTensors } from './onnx-tensors.js';
export { type BytesOptions, onnxBytes } from './open-model.js';
export { type OnnxRuntimeEngine, onnxEngine } from './runtime/matrix-engine.js';
export type { OnnxRuntime } from './runtime/onnx-runtime.js';
