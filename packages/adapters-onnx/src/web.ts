/**
 * ONNX models in browsers and workers, on the wasm of onnxruntime-web. It takes threads where the page is isolated (`crossOriginIsolated`);
 * `env` of `onnxruntime-web/wasm` says otherwise, and where its files lie.
 */
import type { Model } from '@spherize/core';
import * as wasm from 'onnxruntime-web/wasm';
import { bytesHost } from './bytes-host.js';
import { type BytesOptions, openBytes } from './open-model.js';
import { type OnnxRuntimeEngine, onnxEngine } from './runtime/matrix-engine.js';

const host = bytesHost(wasm);

/**
 * The model of an ONNX file's bytes, which are viewed, not copied: leave them as they are. It runs in wasm.
 *
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`, `NOT_FOUND` for external data that are not given
 */
export function onnxModel(bytes: Uint8Array, options: BytesOptions = {}): Model {
  return openBytes(bytes, host, options);
}

/** Large matrix products in wasm. */
export function onnxRuntimeEngine(): OnnxRuntimeEngine {
  return onnxEngine(wasm);
}

export type { BytesOptions } from './open-model.js';
export type { OnnxRuntimeEngine } from './runtime/matrix-engine.js';
