/**
 * Silences onnxruntime before it is loaded: by default its native library looks up and calls a telemetry service, and leaves files in the
 * user's cache and temporary folders. It reads this variable once, from the environment of the process. Whoever set it keeps the choice.
 */
import { isMainThread } from 'node:worker_threads';

if (process.env.ORT_DISABLE_TELEMETRY === undefined) {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  // A worker has a copy of the environment only, which native code does not see.
  if (!isMainThread) {
    process.emitWarning(
      "onnxruntime's telemetry can be switched off in the main thread only: import @spherize/adapters-onnx/node there " +
        'before the worker starts, or set ORT_DISABLE_TELEMETRY=1',
    );
  }
}
