/** Runs TensorFlow.js models by TensorFlow.js alone, on its own reading of the files. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Random } from '@spherize/core';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

/** Length of free axes. */
const FREE = 3;
/** Values that an input may have in all. */
const LARGEST_INPUT = 1e6;

/**
 * The command has a backend of its own. The plain one is the measure: the wasm backend of TensorFlow.js 4.22 computes
 * `_FusedMatMul` with `transpose_b` wrongly.
 */
async function onPlainBackend(work) {
  const before = tf.getBackend();
  await tf.setBackend('cpu');
  try {
    return await work();
  } finally {
    if (before !== undefined) await tf.setBackend(before);
  }
}

export async function start(path) {
  const { modelTopology, weightsManifest, format, ...metadata } = JSON.parse(readFileSync(path, 'utf8'));
  const parts = weightsManifest.flatMap(({ paths }) =>
    paths.map((name) => readFileSync(join(dirname(path), name))),
  );
  const whole = Buffer.concat(parts);
  const weightData = new Uint8Array(whole).buffer;
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const files = tf.io.fromMemory({ ...metadata, format, modelTopology, weightSpecs, weightData });
  const graph = format === 'graph-model' || (format !== 'layers-model' && Array.isArray(modelTopology.node));
  const model = await onPlainBackend(() => (graph ? loadGraphModel(files) : tfl.loadLayersModel(files)));
  return {
    async release() {
      model.dispose();
    },
    run: (seed) =>
      onPlainBackend(async () => {
        const random = new Random(seed);
        const feeds = model.inputs.map(({ shape, dtype }) => {
          const sizes = (shape ?? [null]).map((size) => (size === null || size < 0 ? FREE : size));
          const size = sizes.reduce((product, length) => product * length, 1);
          if (!(size <= LARGEST_INPUT)) throw new Error('a large input');
          const values = Float32Array.from({ length: size }, () => random.uniform() * 2 - 1);
          return tf.tensor(dtype === 'int32' ? Int32Array.from(values) : values, sizes, dtype);
        });
        const outputs = [model.predict(feeds.length === 1 ? feeds[0] : feeds)].flat();
        const result = outputs.map((output, i) => [
          i,
          { dims: output.shape, data: output.dataSync().slice() },
        ]);
        tf.dispose([...feeds, ...outputs]);
        return Object.fromEntries(result);
      }),
  };
}
