// The fully connected part of the embedded AlexNet in TensorFlow.js, compressed against original:
//   node bench/inference/tfjs.mjs [--quick] [--json]
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { startNodeBackend } from '@spherize/adapters-tfjs/node';
import { clusterLayer, planRewrite, prepareLayer, spherical } from '@spherize/core';
import { alexnetLayersModel } from '../../apps/cli/dist/embedded/alexnet-layers-model.js';
import { embeddedModelPath } from '../../apps/cli/dist/embedded/embedded-model.js';
import { alternateSessions, uniform } from './latency.mjs';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const ratios = options.quick ? [0.75] : [0.5, 0.75, 0.9];
const batches = options.quick ? [1] : [1, 16, 64];
const seconds = options.quick ? 2 : 4;

const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores; Node ${process.versions.node}; load at the start ${loadavg()[0].toFixed(1)}`;
const backend = await startNodeBackend();
const whole = await alexnetLayersModel(await readFile(await embeddedModelPath('alexnet-fashion')));
const { tail } = whole.split([whole.layers[0].name], []);
const [input] = tail.inputs;

const engine = onnxRuntimeEngine();
const byRatio = new Map(ratios.map((ratio) => [ratio, new Map()]));
for (const layer of tail.layers) {
  const prepared = await prepareLayer(tail, layer, 0, engine);
  for (const [ratio, compressed] of byRatio) {
    compressed.set(layer.name, await clusterLayer(prepared, spherical, ratio));
  }
}
await engine.release();

const rows = [];
for (const [ratio, compressed] of byRatio) {
  const smaller = tail.rewrite(planRewrite(tail, compressed).rewrite);
  const sessions = { original: await tail.session(), compressed: await smaller.session() };
  for (const batch of batches) {
    const inputs = { [input.name]: uniform([batch, ...input.shape.slice(1)]) };
    const contenders = Object.entries(sessions).map(([name, session]) => ({ name, session, inputs }));
    const times = await alternateSessions(contenders, seconds);
    const speedup = times.original.median / times.compressed.median;
    rows.push({ ratio, batch, speedup, ...times });
  }
  for (const session of Object.values(sessions)) await session.release();
}

if (options.json) console.log(JSON.stringify({ machine, backend, rows }, undefined, 2));
else {
  console.log(
    `${machine}\nTensorFlow.js on ${backend}, fc6 to fc8 of alexnet-fashion, median (quartiles) in ms\n`,
  );
  console.log('ratio  batch                 original               compressed  speedup  runs');
  const shown = ({ median, quartiles }) =>
    `${median.toFixed(2)} (${quartiles.map((value) => value.toFixed(2)).join(' – ')})`.padStart(25);
  for (const { ratio, batch, original, compressed, speedup, runs } of rows) {
    console.log(
      `${String(ratio).padEnd(5)}  ${String(batch).padStart(5)}${shown(original)}${shown(compressed)}  ${`${speedup.toFixed(2)}×`.padStart(7)}  ${String(runs).padStart(4)}`,
    );
  }
}
