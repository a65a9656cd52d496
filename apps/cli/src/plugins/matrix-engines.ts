import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import type { MatrixEngine } from '@spherize/core';

/** The fastest engine that the command has. */
export function matrixEngine(): MatrixEngine {
  return onnxRuntimeEngine();
}
