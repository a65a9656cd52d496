// One Dense layer of TensorFlow.js whose columns lie elsewhere than beside those of their cluster, compressed against original:
//   node bench/inference/tfjs-gather.mjs [--sizes OUTPUTSxCOLUMNS,…] [--shares 0.25,…] [--batches 1,32] [--seconds 3] [--json]
// Every model is written to a file, and read and run again as its users do; `kept` marks what `compress` leaves as it is.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startNodeBackend, tfjsFormat, tfjsModel } from '@spherize/adapters-tfjs/node';
import { denseMatrix, planRewrite, Random } from '@spherize/core';
import { alternateSessions, modelInputs } from './latency.mjs';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1024x1024,4096x4096,4096x9216' },
    shares: { type: 'string', default: '0.25,0.5,0.75' },
    batches: { type: 'string', default: '1,32' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const numbers = (text) => text.split(',').map(Number);

const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores; Node ${process.versions.node}; load at the start ${loadavg()[0].toFixed(1)}`;
const backend = await startNodeBackend();
const folder = await mkdtemp(join(tmpdir(), 'spherize-bench-'));
const rows = [];
try {
  for (const size of options.sizes.split(',')) {
    const [outputs, inputs] = size.split('x').map(Number);
    const original = await denseModel(outputs, inputs);
    const before = await written(original, 'original');
    for (const share of numbers(options.shares)) {
      const { rewrite } = planRewrite(original, new Map([['fc', compressed(original, share)]]));
      const after = await written(original.rewrite(rewrite), 'compressed');
      const [first, second] = [await before.model.session(), await after.model.session()];
      for (const batch of numbers(options.batches)) {
        const fed = modelInputs(original, batch);
        const times = await alternateSessions(
          [
            { name: 'original', session: first, inputs: fed },
            { name: 'compressed', session: second, inputs: fed },
          ],
          Number(options.seconds),
        );
        const kept = original.layers[0].mostClusters < Math.round(inputs * share);
        rows.push({ outputs, inputs, share, kept, batch, ...(await figures(before, after)), ...times });
      }
      await first.release();
      await second.release();
    }
  }
} finally {
  await rm(folder, { recursive: true });
}

if (options.json) console.log(JSON.stringify({ machine, backend, rows }, undefined, 2));
else {
  console.log(
    `${machine}\nTensorFlow.js on ${backend}, median (quartiles) in ms; bytes and multiplications: compressed / original\n`,
  );
  console.log(
    ' outputs × columns   k/n  batch                 original               compressed  speedup  bytes  mults  kept  runs',
  );
  const shown = ({ median, quartiles }) =>
    `${median.toFixed(2)} (${quartiles.map((value) => value.toFixed(2)).join(' – ')})`.padStart(25);
  for (const { outputs, inputs, share, kept, batch, bytes, macs, original, compressed, runs } of rows) {
    const speedup = `${(original.median / compressed.median).toFixed(2)}×`;
    console.log(
      `${`${outputs} × ${inputs}`.padStart(18)}  ${share.toFixed(2)}  ${String(batch).padStart(5)}${shown(original)}${shown(compressed)}  ${speedup.padStart(7)}  ${bytes.toFixed(2).padStart(5)}  ${macs.toFixed(2).padStart(5)}  ${(kept ? 'yes' : '').padStart(4)}  ${String(runs).padStart(4)}`,
    );
  }
}

/** A model of one layer of random weights, which reads the model's input. */
function denseModel(outputs, inputs) {
  const random = new Random(1);
  const kernel = Float32Array.from({ length: inputs * outputs }, () => random.normal());
  return tfjsModel({
    modelTopology: {
      class_name: 'Sequential',
      config: {
        name: 'one_layer',
        layers: [
          {
            class_name: 'Dense',
            config: {
              name: 'fc',
              batch_input_shape: [null, inputs],
              units: outputs,
              activation: 'linear',
              use_bias: true,
            },
          },
        ],
      },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    format: 'layers-model',
    generatedBy: 'Spherize',
    convertedBy: null,
    weightSpecs: [
      { name: 'fc/kernel', shape: [inputs, outputs], dtype: 'float32' },
      { name: 'fc/bias', shape: [outputs], dtype: 'float32' },
    ],
    weightData: [kernel.buffer, new ArrayBuffer(4 * outputs)],
  });
}

/** Columns dealt out to clusters at random, none of them empty. */
function compressed(model, share) {
  const { rows: outputs, cols, data } = model.weights('fc');
  const clusters = Math.max(1, Math.round(cols * share));
  const random = new Random(2);
  const assignment = Int32Array.from({ length: cols }, (_, j) =>
    j < clusters ? j : random.integer(clusters),
  );
  const centroids = denseMatrix(outputs, clusters);
  for (let i = 0; i < outputs; i++) {
    centroids.data.set(data.subarray(i * cols, i * cols + clusters), i * clusters);
  }
  return { assignment, scales: Float32Array.from(assignment, () => 0.5 + random.uniform()), centroids };
}

async function written(model, name) {
  const path = join(folder, `${name}.json`);
  const bytes = await model.write(path);
  return { bytes, model: (await tfjsFormat.read(path)).model };
}

async function figures(before, after) {
  const [from, to] = [await before.model.multiplyAccumulates(), await after.model.multiplyAccumulates()];
  return { bytes: after.bytes / before.bytes, macs: to / from };
}
