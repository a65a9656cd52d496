/** Models that came as bytes and leave as bytes, on a runtime that is given or on none. */
import { InputError, portableEngine } from '@spherize/core';
import type { OnnxHost } from './host.js';
import { encodedModel } from './proto/encode-model.js';
import { onnxEngine } from './runtime/matrix-engine.js';
import type { OnnxRuntime } from './runtime/onnx-runtime.js';
import { startSession } from './runtime/session.js';

/** @param runtime what runs the models; without it they are read, rewritten and encoded, but not run */
export function bytesHost(runtime: OnnxRuntime | undefined): OnnxHost {
  return {
    async start({ proto, bytes }, choice) {
      if (runtime !== undefined) return startSession(runtime, bytes ?? encodedModel(proto), choice);
      throw new InputError(
        'UNSUPPORTED',
        'there is no runtime to run the model on: give one as onnxModel(bytes, { runtime }), or take onnxModel from ' +
          '@spherize/adapters-onnx/node or /web',
      );
    },
    async engine() {
      return runtime === undefined ? portableEngine : onnxEngine(runtime);
    },
    async write(_model, target) {
      throw new InputError(
        'UNSUPPORTED',
        `cannot write ${target}: the model came as bytes, without files; store what onnxBytes(model) returns`,
      );
    },
  };
}
