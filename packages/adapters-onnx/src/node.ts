/** ONNX models in Node: files, and the native onnxruntime. */
import type { Model } from '@spherize/core';
import { nodeHost } from './node-host.js';
import { type BytesOptions, openBytes } from './open-model.js';
import { type OnnxRuntimeEngine, onnxEngine } from './runtime/matrix-engine.js';
import * as native from './runtime/node-runtime.js';

/**
 * The model of an ONNX file's bytes, which are viewed, not copied: leave them as they are. It runs on the native onnxruntime.
 *
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`, `NOT_FOUND` for external data that are not given
 */
export function onnxModel(bytes: Uint8Array, options: BytesOptions = {}): Model {
  return openBytes(bytes, nodeHost, options);
}

/** Large matrix products by the native onnxruntime, on all cores. */
export function onnxRuntimeEngine(): OnnxRuntimeEngine {
  return onnxEngine(native);
}

export { onnxFormat } from './onnx-format.js';
export type { BytesOptions } from './open-model.js';
export type { OnnxRuntimeEngine } from './runtime/matrix-engine.js';
