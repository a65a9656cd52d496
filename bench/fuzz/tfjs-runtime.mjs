/** Runs LayersModels by TensorFlow.js alone, on its own reading of the files. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Random } from '@spherize/core';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

/** Length of free axes. */
const FREE = 3;
/** Values that an input may have in all. */
const LARGEST_INPUT = 1e6;

export async function start(path) {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path, 'utf8'));
  const parts = weightsManifest.flatMap(({ paths }) =>
    paths.map((name) => readFileSync(join(dirname(path), name))),
  );
  const whole = Buffer.concat(parts);
  const weightData = new Uint8Array(whole).buffer;
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const model = await tfl.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  return {
    async release() {
      model.dispose();
    },
    async run(seed) {
      const random = new Random(seed);
      const feeds = model.inputs.map(({ shape, dtype }) => {
        const sizes = shape.map((size) => size ?? FREE);
        const size = sizes.reduce((product, length) => product * length, 1);
        if (!(size <= LARGEST_INPUT)) throw new Error('a large input');
        const values = Float32Array.from({ length: size }, () => random.uniform() * 2 - 1);
        return tf.tensor(dtype === 'int32' ? Int32Array.from(values) : values, sizes, dtype);
      });
      const outputs = [model.predict(feeds.length === 1 ? feeds[0] : feeds)].flat();
      const result = outputs.map((output, i) => [i, { dims: output.shape, data: output.dataSync().slice() }]);
      tf.dispose([...feeds, ...outputs]);
      return Object.fromEntries(result);
    },
  };
}
