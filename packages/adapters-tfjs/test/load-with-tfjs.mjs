// Loads a model with TensorFlow.js alone and prints what it makes of some inputs: load-with-tfjs.mjs MODEL.JSON < INPUTS.JSON
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';

const [path] = process.argv.slice(2);
const { modelTopology, weightsManifest, format } = JSON.parse(readFileSync(path, 'utf8'));
const shards = weightsManifest.flatMap(({ paths }) =>
  paths.map((name) => readFileSync(join(dirname(path), name))),
);
const weightData = Uint8Array.from(Buffer.concat(shards)).buffer;
const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
const handler = tf.io.fromMemory({ modelTopology, weightSpecs, weightData, format });
const model = format === 'graph-model' ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler);
const { shape, data } = JSON.parse(readFileSync(0, 'utf8'));
const outputs = [model.predict(tf.tensor(data, shape))].flat();
process.stdout.write(JSON.stringify(outputs.map((output) => [...output.dataSync()])));
