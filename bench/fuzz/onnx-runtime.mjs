/** Runs ONNX models by onnxruntime alone, without the command's code. */
import { Random } from '@spherize/core';

// Before the native library is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');

/** Length of free axes. */
const FREE = 3;
/** Values that an input may have in all. */
const LARGEST_INPUT = 1e6;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int8Array,
};

export async function start(path) {
  // By path, so that external data are found.
  const session = await InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  return {
    release: () => session.release(),
    async run(seed) {
      const random = new Random(seed);
      const feeds = {};
      for (const input of session.inputMetadata) {
        const shape = input.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : FREE));
        const size = shape.reduce((product, length) => product * length, 1);
        const kind = ARRAYS[input.type];
        if (kind === undefined || size > LARGEST_INPUT) throw new Error(`input of ${input.type}`);
        const values = Array.from({ length: size }, () => random.uniform() * 2 - 1);
        const integral = !input.type.startsWith('float');
        const data = integral
          ? kind.from(values, (value) => (kind === BigInt64Array ? BigInt(value > 0) : Number(value > 0)))
          : kind.from(values);
        feeds[input.name] = new Tensor(input.type, data, shape);
      }
      return session.run(feeds);
    },
  };
}
