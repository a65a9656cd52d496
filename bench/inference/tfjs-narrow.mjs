// Convolutions and hidden layers of a TensorFlow.js GraphModel, half of which leave, against the same graph built with half as many:
//   node bench/inference/tfjs-narrow.mjs [--batches 1,16] [--seconds 3] [--json]
// The graph is as the converter writes it: convolutions and products fused with their biases and activations. Both models are written to files, and
// read and run again.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startNodeBackend, tfjsFormat, tfjsModel } from '@spherize/adapters-tfjs/node';
import { compressModel, Random } from '@spherize/core';
import { alternateSessions, modelInputs } from './latency.mjs';

const { values: options } = parseArgs({
  options: {
    batches: { type: 'string', default: '1,16' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const CHANNELS = [32, 64, 128];
const HIDDEN = 512;

const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores; Node ${process.versions.node}; load at the start ${loadavg()[0].toFixed(1)}`;
const backend = await startNodeBackend();
const folder = await mkdtemp(join(tmpdir(), 'spherize-bench-'));
const rows = [];
try {
  const original = await graphModel(CHANNELS, HIDDEN);
  const built = await graphModel(
    CHANNELS.map((count) => count / 2),
    HIDDEN / 2,
  );
  const narrowed = await compressModel(original, { reduce: 'neurons', ratio: 0.5, calibration: 'none' });
  const models = { original, built, narrowed: narrowed.model };
  const sessions = [];
  const bytes = {};
  for (const [name, model] of Object.entries(models)) {
    const path = join(folder, `${name}.json`);
    bytes[name] = await model.write(path);
    sessions.push({ name, session: await (await tfjsFormat.read(path)).model.session() });
  }
  for (const batch of options.batches.split(',').map(Number)) {
    const inputs = modelInputs(original, batch);
    const times = await alternateSessions(
      sessions.map((session) => ({ ...session, inputs })),
      Number(options.seconds),
    );
    rows.push({ batch, bytes, ...times });
  }
  for (const { session } of sessions) await session.release();
} finally {
  await rm(folder, { recursive: true });
}

if (options.json) console.log(JSON.stringify({ machine, backend, rows }, undefined, 2));
else {
  console.log(`${machine}\nTensorFlow.js on ${backend}, medians in ms\n`);
  console.log(
    'batch  original  built with half  narrowed to half  narrowed / built  original / narrowed  runs',
  );
  for (const { batch, original, built, narrowed, runs } of rows)
    console.log(
      [
        String(batch).padStart(5),
        original.median.toFixed(2).padStart(8),
        built.median.toFixed(2).padStart(15),
        narrowed.median.toFixed(2).padStart(16),
        (narrowed.median / built.median).toFixed(3).padStart(16),
        (original.median / narrowed.median).toFixed(2).padStart(19),
        String(runs).padStart(4),
      ].join('  '),
    );
}

/** Images of 32 × 32: three convolutions, each of stride 2, and a hidden layer, with random weights. */
function graphModel(channels, hidden) {
  const random = new Random(1);
  const nodes = [];
  const weightSpecs = [];
  const weightData = [];
  const constant = (name, shape, values) => {
    weightSpecs.push({ name, shape, dtype: values instanceof Int32Array ? 'int32' : 'float32' });
    weightData.push(values.buffer);
    nodes.push({
      name,
      op: 'Const',
      attr: { dtype: { type: values instanceof Int32Array ? 'DT_INT32' : 'DT_FLOAT' } },
    });
    return name;
  };
  const weights = (name, shape) => {
    const [size, inputs] = [
      shape.reduce((all, length) => all * length, 1),
      shape.slice(0, -1).reduce((all, length) => all * length, 1),
    ];
    return constant(
      name,
      shape,
      Float32Array.from({ length: size }, () => random.normal() * Math.sqrt(2 / inputs)),
    );
  };
  const zeros = (name, size) => constant(name, [size], new Float32Array(size));
  const fused = {
    fused_ops: { list: { s: ['BiasAdd', 'Relu'].map(base64) } },
    num_args: { i: '1' },
    T: { type: 'DT_FLOAT' },
  };
  nodes.push({
    name: 'image',
    op: 'Placeholder',
    attr: {
      dtype: { type: 'DT_FLOAT' },
      shape: { shape: { dim: [-1, 32, 32, 3].map((size) => ({ size: String(size) })) } },
    },
  });
  let [made, count] = ['image', 3];
  for (const [i, wide] of channels.entries()) {
    nodes.push({
      name: `conv${i}`,
      op: '_FusedConv2D',
      input: [made, weights(`filters${i}`, [3, 3, count, wide]), zeros(`shift${i}`, wide)],
      attr: {
        ...fused,
        strides: { list: { i: ['1', '2', '2', '1'] } },
        dilations: { list: { i: ['1', '1', '1', '1'] } },
        padding: { s: base64('SAME') },
        data_format: { s: base64('NHWC') },
      },
    });
    [made, count] = [`conv${i}`, wide];
  }
  nodes.push({
    name: 'flat',
    op: 'Reshape',
    input: [made, constant('sizes', [2], Int32Array.of(-1, 16 * count))],
    attr: {},
  });
  const transposes = { transpose_a: { b: false }, transpose_b: { b: false } };
  nodes.push({
    name: 'hidden',
    op: '_FusedMatMul',
    input: ['flat', weights('first', [16 * count, hidden]), zeros('first.bias', hidden)],
    attr: { ...fused, ...transposes },
  });
  nodes.push({
    name: 'scores',
    op: 'MatMul',
    input: ['hidden', weights('second', [hidden, 10])],
    attr: { ...transposes, T: { type: 'DT_FLOAT' } },
  });
  return tfjsModel({
    modelTopology: { node: nodes, library: {}, versions: {} },
    format: 'graph-model',
    generatedBy: 'Spherize',
    convertedBy: null,
    weightSpecs,
    weightData,
  });
}

function base64(text) {
  return Buffer.from(text).toString('base64');
}
