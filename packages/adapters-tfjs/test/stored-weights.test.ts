/** Weights in the types of the manifest: written, and read by nothing but the stock loaders. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compressModel, type Model, portableEngine } from '@spherize/core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import type { io } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, test } from 'vitest';
import { storeWeights } from '../src/artifacts/store-weights.js';
import { floatWeight, type Weight } from '../src/artifacts/weights.js';
import { tfjsFormat } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tf, tfl } from './build-layers-model.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

const CASES = [
  { type: 'float16', dtype: 'float16', share: 0.55 },
  { type: 'int16', dtype: 'uint16', share: 0.55 },
  { type: 'int8', dtype: 'uint8', share: 0.3 },
] as const;

async function layersModel(): Promise<io.ModelArtifacts> {
  const { conv2d, flatten, dense } = tfl.layers;
  const layers = [
    conv2d({ name: 'conv', inputShape: [8, 8, 4], filters: 32, kernelSize: 3, activation: 'relu' }),
    flatten({}),
    dense({ name: 'fc1', units: 32, activation: 'relu' }),
    dense({ name: 'fc2', units: 10 }),
  ];
  return artifactsOf(randomWeights(tfl.sequential({ layers })));
}

async function graphModel(): Promise<io.ModelArtifacts> {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 64]);
  const first = b.node('MatMul', 'fc1', [x, b.weight('fc1/w', [64, 128])]);
  const relu = b.node('Relu', 'relu', [b.node('BiasAdd', 'add', [first, b.weight('fc1/b', [128])])]);
  return b.output(b.node('MatMul', 'fc2', [relu, b.weight('fc2/w', [128, 32])]), [undefined, 32]).build();
}

/** What a written model computes when nothing but TensorFlow.js reads it. */
async function stockOutputs(path: string, shape: number[], values: Float32Array): Promise<Float32Array> {
  const { weightsManifest, ...json } = JSON.parse(await readFile(path, 'utf8'));
  const shards = weightsManifest[0].paths.map((name: string) => readFile(join(folder, name)));
  const handler = tf.io.fromMemory({
    ...json,
    weightSpecs: weightsManifest[0].weights,
    weightData: new Uint8Array(Buffer.concat(await Promise.all(shards))).buffer,
  });
  const loaded =
    json.format === 'graph-model' ? await loadGraphModel(handler) : await tfl.loadLayersModel(handler);
  return (loaded.predict(tf.tensor(values, shape)) as tf.Tensor).data() as Promise<Float32Array>;
}

async function run(model: Model, shape: number[], data: Float32Array): Promise<Float32Array> {
  const session = await model.session();
  const outputs = await session.run({ [model.inputs[0]!.name]: { shape, data } });
  await session.release();
  return Object.values(outputs)[0]!.data as Float32Array;
}

function deviation(found: Float32Array, wanted: Float32Array): number {
  expect(found.length).toBe(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!))) / largest;
}

describe.each([
  ['LayersModel', layersModel],
  ['GraphModel', graphModel],
])('a %s', (kind, build) => {
  test.each(CASES)('in $type is smaller and loads as it is', async ({ type, dtype, share }) => {
    const source = await saveModel(await build(), folder, { name: `${kind}-${type}`, shardBytes: 2 ** 20 });
    const { model, bytes } = await tfjsFormat.read(source);
    const topology = (await stat(source)).size;
    const options = { reduce: 'none', storage: type, calibration: 'none', engine: portableEngine } as const;
    const { model: stored, storage } = await compressModel(model, options);
    expect(storage).toMatchObject({ type, tensors: 2, kept: [], proof: { against: 'rounded weights' } });
    expect(storage!.form).toContain(dtype);
    const target = join(folder, `${kind}-${type}-stored.json`);
    const written = await stored.write(target);
    expect((written - (await stat(target)).size) / (bytes - topology)).toBeLessThan(share);

    const shape = model.inputs[0]!.shape.map((size) => size ?? 2);
    const values = randomValues(
      shape.reduce((product, size) => product * size, 1),
      3,
    );
    const outputs = await stockOutputs(target, shape, values);
    // To rounding what the stored values stand for, and close to the original.
    expect(deviation(outputs, await run(stored, shape, values))).toBeLessThan(1e-5);
    expect(deviation(outputs, await run(model, shape, values))).toBeLessThan(type === 'int8' ? 0.1 : 5e-3);

    const again = (await tfjsFormat.read(target)).model;
    const twice = again.storage!.store(type);
    expect(twice.report).toMatchObject({ tensors: 2, error: 0 });
    const copy = join(folder, `${kind}-${type}-copy.json`);
    await twice.model.write(copy);
    expect(await readFile(copy)).toEqual(await readFile(target));
    const { report, model: floats } = again.storage!.store('float32');
    expect(report.tensors).toBe(0);
    expect(await floats.write(copy)).toBeGreaterThan(written);
  });
});

describe('what a type does not hold', () => {
  const values = randomValues(2048, 1);
  const weights = (own: Float32Array): Map<string, Weight> =>
    new Map([['w', floatWeight('w', [64, 32], own)]]);

  test.each([
    ['too large for float16', values.with(3, 1e6), 'float16'],
    ['too small for float16', values.map((value) => value * 1e-8), 'float16'],
    ['not finite', values.with(5, Number.NaN), 'int8'],
  ] as const)('leaves values that are %s as they are', (reason, own, type) => {
    const { weights: stored, report } = storeWeights(weights(own), type);
    expect(report.tensors).toBe(0);
    expect(report.kept).toEqual([{ name: 'w', reason: expect.stringContaining(`${reason}`) }]);
    expect(stored.get('w')!.spec.quantization).toBeUndefined();
  });

  test('zeros stay zeros, on a grid whose values lie on both sides', () => {
    const { floats } = storeWeights(weights(values.map((value, i) => (i % 2 === 0 ? 0 : value))), 'int8');
    const read = new Float32Array(floats.get('w')!.bytes.buffer);
    expect(read.filter((_, i) => i % 2 === 0)).toEqual(new Float32Array(1024));
  });

  test('biases and small tensors stay', () => {
    const small = new Map<string, Weight>([
      ['b', floatWeight('b', [4096], randomValues(4096, 1))],
      ['w', floatWeight('w', [8, 8], randomValues(64, 1))],
    ]);
    expect(storeWeights(small, 'int8')).toMatchObject({ weights: small, report: { tensors: 0, kept: [] } });
  });
});
