/** Quantised models: a rewrite keeps the types that weights are stored in, and says what that costs. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compressModel,
  fromFloat16,
  type Model,
  portableEngine,
  Random,
  spherical,
  type Tensor,
  toFloat16,
} from '@spherize/core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import type { io } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, test } from 'vitest';
import { roundingOf, storedAs, storedIntegers } from '../src/artifacts/storage.js';
import { floatValues, intValues, type Weight } from '../src/artifacts/weights.js';
import { tfjsFormat, tfjsModel } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tf, tfl } from './build-layers-model.js';
import { outputsOf } from './compressing.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

type Type = 'float16' | 'uint8' | 'uint16';
const TYPES: readonly Type[] = ['float16', 'uint16', 'uint8'];
/** Half of a step, relative to the largest of normal weights, and a few layers of them. */
const OUTPUT_TOLERANCE = { float16: 5e-3, uint16: 1e-3, uint8: 1e-1 };

/** A weight as the converter stores it. */
function stored(type: Type, name: string, shape: number[], values: Float32Array): Weight {
  if (type === 'float16') {
    const bytes = new Uint8Array(Uint16Array.from(values, toFloat16).buffer);
    const decoded = values.map((value) => fromFloat16(toFloat16(value)));
    return { spec: { name, shape, dtype: 'float32', quantization: { dtype: type } }, bytes, decoded };
  }
  const last = type === 'uint8' ? 255 : 65535;
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const scale = (max - min) / last || 1;
  const steps = Uint16Array.from(values, (value) => Math.round((value - min) / scale));
  const quantization = { dtype: type, min, scale, original_dtype: 'float32' } as const;
  return {
    spec: { name, shape, dtype: 'float32', quantization },
    bytes: type === 'uint8' ? Uint8Array.from(steps) : new Uint8Array(steps.buffer),
    decoded: Float32Array.from(steps, (step) => step * scale + min),
  };
}

/** The same model with all its float weights stored in a type. */
function quantised(artifacts: io.ModelArtifacts, type: Type): io.ModelArtifacts {
  const whole = Buffer.concat([artifacts.weightData!].flat().map((part) => new Uint8Array(part)));
  let at = 0;
  const weights = artifacts.weightSpecs!.map((spec): Weight => {
    const size = spec.shape.reduce((product, length) => product * length, 1);
    const bytes = new Uint8Array(whole.subarray(at, at + 4 * size));
    at += 4 * size;
    return spec.dtype === 'float32'
      ? stored(type, spec.name, spec.shape, new Float32Array(bytes.buffer))
      : { spec, bytes };
  });
  return {
    ...artifacts,
    weightSpecs: weights.map(({ spec }) => spec),
    weightData: new Uint8Array(Buffer.concat(weights.map(({ bytes }) => bytes))).buffer,
  };
}

/** Layers that fold into a convolution, through a normalisation, and into each other. */
async function layersModel(): Promise<io.ModelArtifacts> {
  const { conv2d, batchNormalization, globalAveragePooling2d, dense } = tfl.layers;
  const model = tfl.sequential({
    layers: [
      conv2d({ name: 'conv', inputShape: [6, 6, 3], filters: 48, kernelSize: 3 }),
      batchNormalization({ name: 'norm' }),
      tfl.layers.reLU(),
      globalAveragePooling2d({}),
      dense({ name: 'fc1', units: 96, activation: 'relu' }),
      dense({ name: 'fc2', units: 160, activation: 'relu' }),
      dense({ name: 'fc3', units: 10 }),
    ],
  });
  return artifactsOf(randomWeights(model));
}

async function graphModel(): Promise<io.ModelArtifacts> {
  const b = new GraphBuilder();
  const ones = { list: { i: ['1', '1', '1', '1'] } };
  const attr = { strides: ones, dilations: ones, padding: { s: btoa('SAME') } };
  let x = b.input('x', [undefined, 6, 6, 3]);
  x = b.node('Conv2D', 'conv', [x, b.weight('conv/w', [3, 3, 3, 48])], {
    ...attr,
    data_format: { s: btoa('NHWC') },
  });
  x = b.node('BiasAdd', 'bias', [x, b.weight('conv/b', [48])]);
  x = b.node('Mean', 'pool', [b.node('Relu', 'relu', [x]), b.integers('axes', [1, 2])], {
    keep_dims: { b: false },
  });
  for (const [name, inputs, outputs] of [
    ['fc1', 48, 64],
    ['fc2', 64, 64],
    ['fc3', 64, 10],
  ] as const) {
    x = b.node('MatMul', name, [x, b.weight(`${name}/w`, [inputs, outputs])]);
    x = b.node('BiasAdd', `${name}/add`, [x, b.weight(`${name}/b`, [outputs])]);
    if (name !== 'fc3') x = b.node('Relu', `${name}/relu`, [x]);
  }
  return b.output(x, [undefined, 10]).build();
}

async function halved(model: Model) {
  return compressModel(model, { clusterer: spherical, engine: portableEngine, ratio: 0.5 });
}

const bytesOf = async (files: readonly string[]) =>
  (await Promise.all(files.map(async (file) => (await stat(file)).size))).reduce(
    (sum, size) => sum + size,
    0,
  );

/** What a written model computes when nothing but TensorFlow.js reads it. */
async function stockOutputs(path: string, model: Model): Promise<Float32Array> {
  const text = await readFile(path, 'utf8');
  expect(text).not.toContain('Spherize');
  const { weightsManifest, ...json } = JSON.parse(text);
  const shards = weightsManifest[0].paths.map((name: string) => readFile(join(folder, name)));
  const artifacts = {
    ...json,
    weightSpecs: weightsManifest[0].weights,
    weightData: new Uint8Array(Buffer.concat(await Promise.all(shards))).buffer,
  };
  const handler = tf.io.fromMemory(artifacts);
  const loaded =
    json.format === 'graph-model' ? await loadGraphModel(handler) : await tfl.loadLayersModel(handler);
  const random = new Random(7);
  const shape = model.inputs[0]!.shape.map((size) => size ?? 2);
  const values = shape.reduce((product, size) => product * size, 1);
  const input = tf.tensor(
    Float32Array.from({ length: values }, () => random.normal()),
    shape,
  );
  return (loaded.predict(input) as tf.Tensor).data() as Promise<Float32Array>;
}

/** Largest difference, relative to the largest value. */
function deviation(found: Tensor['data'], wanted: Tensor['data']): number {
  expect(found.length).toBe(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!))) / largest;
}

const firstOf = async (model: Model) => Object.values(await outputsOf(model))[0]!.data;

describe.each([
  ['LayersModel', layersModel],
  ['GraphModel', graphModel],
])('a %s', (kind, build) => {
  test.each(TYPES)('in %s stays in it, gets smaller and loads as it is', async (type) => {
    const source = await saveModel(quantised(await build(), type), folder, { name: `${kind}-${type}` });
    const { model, bytes } = await tfjsFormat.read(source);
    expect(model.bytesPerWeight).toBe(type === 'uint8' ? 1 : 2);
    const smaller = await halved(model);
    const target = join(folder, `${kind}-${type}-small.json`);
    const written = await smaller.model.write(target);
    const read = await tfjsFormat.read(target);
    expect(written).toBe(await bytesOf(read.files!));
    // Names of new layers and nodes weigh more than the weights of so small a model: those alone are compared.
    const weightBytes = async (path: string, all: number) => all - (await stat(path)).size;
    expect(await weightBytes(target, written)).toBeLessThan(await weightBytes(source, bytes));

    const before = JSON.parse(await readFile(source, 'utf8')).weightsManifest[0].weights;
    const after = JSON.parse(await readFile(target, 'utf8')).weightsManifest[0].weights;
    const types = new Map<string, string>(
      after.map((spec: io.WeightsManifestEntry) => [spec.name, spec.quantization?.dtype]),
    );
    for (const { name, quantization } of before)
      expect([name, types.get(name)]).toEqual([name, quantization?.dtype]);

    const { rounding } = smaller.model;
    expect(rounding!.types).toEqual([type]);
    expect(rounding!.error).toBeGreaterThan(0);
    expect(rounding!.error).toBeLessThan({ float16: 3e-4, uint16: 1e-4, uint8: 2e-2 }[type]);
    const planned = await firstOf(rounding!.exact);
    expect(deviation(await firstOf(smaller.model), planned)).toBeLessThan(OUTPUT_TOLERANCE[type]);
    expect(deviation(await stockOutputs(target, model), await firstOf(smaller.model))).toBeLessThan(1e-4);
  });
});

describe('factors that differ a thousandfold', () => {
  const build = () => {
    const b = new GraphBuilder();
    let x = b.input('x', [undefined, 24]);
    x = b.node('MatMul', 'fc1', [x, b.weight('fc1/w', [24, 64])]);
    x = b.node('Relu', 'relu', [x]);
    // Rows of the second matrix are its columns as core sees them.
    const second = randomValues(64 * 8, 5).map((value, i) => value * (i < 8 ? 1000 : 1));
    x = b.node('MatMul', 'fc2', [x, b.weight('fc2/w', [64, 8], second)]);
    return b.output(x, [undefined, 8]).build();
  };
  const compressedIn = async (type: Type | undefined) => {
    const artifacts = type ? quantised(build(), type) : build();
    const { model } = await tfjsFormat.read(await saveModel(artifacts, folder, { name: `factors-${type}` }));
    const ratio = new Map([['fc2/w', 0.25]]);
    return compressModel(model, { clusterer: spherical, engine: portableEngine, ratio });
  };

  test('stay explicit before rows in uint8, and the order folds', async () => {
    const { layers, model } = await compressedIn('uint8');
    expect(layers[0]).toMatchObject({ folded: false });
    expect(layers[0]!.fold.reason).toMatch(
      /^the factors stay explicit: they would round the weights of fc1\S* by \d+\.\d %; the order folds into fc1/,
    );
    expect(model.rounding?.operations.get(model.layers[0]!.name)?.error ?? 0).toBe(0);
  });

  test.each(['float16', undefined] as const)('fold into rows in %s', async (type) => {
    expect((await compressedIn(type)).layers[0]).toMatchObject({ folded: true });
  });
});

describe('one tensor', () => {
  const values = Float32Array.of(-1, -0.25, 0, 0.5, 3);

  test.each(TYPES)('reordered in %s keeps its grid and every value', (type) => {
    const weight = stored(type, 'w', [5], values);
    const reversed = weight.decoded!.slice().reverse();
    const again = storedAs(weight, 'fc', 'w', [5], reversed);
    expect(again.spec).toEqual(weight.spec);
    expect(again.rounding).toBeUndefined();
    expect(floatValues(again)).toEqual(reversed);
  });

  test.each(['uint8', 'uint16'] as const)('in %s is at most half a step off, and 0 stays 0', (type) => {
    for (const scaled of [values.map((value) => value * 1e-30), values.map((value) => Math.abs(value) * 7)]) {
      const again = storedAs(stored(type, 'w', [5], values), 'fc', 'w', [5], scaled);
      const { scale, min, original_dtype } = again.spec.quantization as unknown as Record<string, number>;
      expect(original_dtype).toBe('float32');
      const read = tf.io.decodeWeights(again.bytes.slice().buffer, [again.spec]).w!.dataSync();
      expect(floatValues(again)).toEqual(read);
      expect(floatValues(again)[2]).toBe(0);
      expect(min).toBeLessThanOrEqual(0);
      scaled.forEach((value, i) => {
        expect(Math.abs(read[i]! - value)).toBeLessThan(scale! * 0.5001);
      });
    }
  });

  test('that leaves the range of float16 stays float32, as an infinite cost of the layer', () => {
    const large = storedAs(
      stored('float16', 'w', [5], values),
      'fc',
      'w',
      [5],
      Float32Array.of(1e5, 1, 2, 3, 4),
    );
    expect(large.spec.quantization).toBeUndefined();
    expect(floatValues(large)[0]).toBe(1e5);
    const rounding = roundingOf(new Map([['w', large]]))!;
    expect(rounding).toMatchObject({ types: ['float32'], error: 0 });
    expect(rounding.operations.get('fc')!.error).toBe(Number.POSITIVE_INFINITY);
  });

  test('of whole numbers is read through its scale, and written so where they fit', () => {
    const spec = {
      name: 's',
      shape: [2],
      dtype: 'int32',
      quantization: { dtype: 'uint8', scale: 1, min: -1 },
    };
    const weight = { spec, bytes: Uint8Array.of(0, 65) } as Weight;
    expect([...intValues(weight)!]).toEqual([-1, 64]);
    const smaller = storedIntegers(weight, 's', [2], Int32Array.of(-1, 32));
    expect([smaller.bytes.length, ...intValues(smaller)!]).toEqual([2, -1, 32]);
    const large = storedIntegers(weight, 's', [2], Int32Array.of(-1, 4096));
    expect([large.bytes.length, ...intValues(large)!]).toEqual([8, -1, 4096]);
  });

  test('that float16 cannot hold stays float32', () => {
    const weight = stored('float16', 'w', [2], Float32Array.of(1, -2));
    const kept = storedAs(weight, 'w', 'w', [2], Float32Array.of(65519, -65519));
    expect([kept.bytes.length, ...floatValues(kept)]).toEqual([4, 65504, -65504]);
    const large = storedAs(weight, 'w', 'w', [2], Float32Array.of(1, -65520));
    expect([large.bytes.length, ...floatValues(large)]).toEqual([8, 1, -65520]);
  });

  test('in float16 is read as TensorFlow.js reads it', () => {
    const finite = Uint16Array.from({ length: 0x7c00 }, (_, i) => i);
    const spec = {
      name: 'w',
      shape: [finite.length],
      dtype: 'float32',
      quantization: { dtype: 'float16' },
    } as const;
    const read = tf.io.decodeWeights(finite.buffer, [{ ...spec, shape: [finite.length] }]).w!.dataSync();
    expect(Float32Array.from(finite, fromFloat16)).toEqual(read);
    expect(Uint16Array.from(read, toFloat16)).toEqual(finite);
  });
});

/** Inputs, hidden neurons and outputs of chains, of which some layers are worth compressing and some are not. */
const CHAINS = [
  [256, 128, 10],
  [32, 64, 64, 10],
  [100, 300, 40, 4],
  [64, 200, 200, 20],
];

describe('a layer of any size and type makes no LayersModel larger', () => {
  test.each(
    CHAINS.flatMap((widths) => [...TYPES, 'float32' as const].map((type) => [widths, type] as const)),
  )('%j of %s', async (widths, type) => {
    const [inputs, ...units] = widths;
    const layers = units.map((size, i) =>
      tfl.layers.dense({
        name: `dense_${i + 1}`,
        units: size,
        ...(i === 0 && { inputShape: [inputs!] }),
        ...(i < units.length - 1 && { activation: 'relu' }),
      }),
    );
    const artifacts = await artifactsOf(randomWeights(tfl.sequential({ layers })));
    const model = await tfjsModel(type === 'float32' ? artifacts : quantised(artifacts, type));
    const before = await model.write(join(folder, 'chain.json'));
    for (const ratio of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9]) {
      const options = { clusterer: spherical, engine: portableEngine, ratio };
      const { model: smaller, layers: reports } = await compressModel(model, options);
      const after = await smaller.write(join(folder, 'chain.json'));
      const kept = reports.every(({ columns, clusters }) => columns === clusters);
      if (kept) expect(after).toBe(before);
      else expect([ratio, after, after < before]).toEqual([ratio, after, true]);
    }
  });
});
