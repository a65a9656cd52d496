/** What narrower LayersModels say and how they are stored, and models that give out what lies within another one. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  denseMatrix,
  findWidths,
  type Model,
  type ModelNarrowing,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
  toFloat16,
} from '@spherize/core';
import { afterAll, describe, expect, test } from 'vitest';
import type { Weight } from '../src/artifacts/weights.js';
import { LayersModel } from '../src/layers-model/layers-model.js';
import { tfjsFormat, tfjsModel } from '../src/node.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tfl } from './build-layers-model.js';
import { compressed, explicit, outputsOf } from './compressing.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

const options = { engine: portableEngine, clusterer: spherical };
const UNCHANGED: ModelNarrowing = {
  layers: new Map(),
  constants: [],
  sizes: new Map(),
  slices: new Map(),
  picks: new Map(),
  pads: new Map(),
};

const { layers } = tfl;
const opened = async (model: tfl.LayersModel): Promise<LayersModel> => {
  const found = await tfjsModel(await artifactsOf(randomWeights(model)));
  if (!(found instanceof LayersModel)) throw new Error('not a LayersModel');
  return found;
};
/** Every kind of kernel. */
const convolutional = (): Promise<LayersModel> =>
  opened(
    tfl.sequential({
      layers: [
        layers.conv2d({
          name: 'conv',
          inputShape: [6, 6, 3],
          filters: 4,
          kernelSize: [3, 2],
          activation: 'relu',
        }),
        layers.batchNormalization({ name: 'norm' }),
        layers.depthwiseConv2d({ name: 'deep', kernelSize: 2, depthMultiplier: 2, activation: 'tanh' }),
        layers.conv2dTranspose({ name: 'back', filters: 6, kernelSize: [2, 3], useBias: false }),
        layers.separableConv2d({
          name: 'apart',
          filters: 8,
          kernelSize: 2,
          activation: 'elu',
        }),
        layers.reshape({ name: 'rows', targetShape: [-1, 8] }),
        layers.dense({ name: 'fc', units: 10, activation: 'softmax' }),
      ],
    }),
  );

function expectClose(actual: Tensor, expected: Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const largest = Math.max(...[...expected.data].map(Math.abs));
  for (const [i, value] of expected.data.entries())
    expect(Math.abs(value - actual.data[i]!)).toBeLessThanOrEqual(tolerance * largest);
}

const only = (outputs: Record<string, Tensor>): Tensor => Object.values(outputs)[0]!;

/** What the file says of a layer. */
function configOf(model: Model, layer: string): Record<string, unknown> {
  const { config } = (model as LayersModel).artifacts.topology as {
    config: { layers: { config: { name: string } }[] };
  };
  return config.layers.find(({ config: { name } }) => name === layer)!.config;
}

describe('kernels as rows over features', () => {
  const SPANS = { conv: 6, deep: 4, back: 6, 'apart/depthwise': 4, apart: 1, fc: 1 };

  test('hold the value of each output, place of the window and input', async () => {
    const model = await convolutional();
    const {
      graph,
      features: { weights },
    } = model;
    const stored = (name: string): Weight => model.artifacts.weights.get(name)!;
    const at = (name: string, ...place: number[]): number => {
      const { shape } = stored(name).spec;
      const bytes = stored(name).bytes.slice();
      const values = new Float32Array(bytes.buffer);
      return values[place.reduce((flat, position, axis) => flat * shape[axis]! + position, 0)]!;
    };
    expect(Object.fromEntries(graph.layers.map(({ name, span }) => [name, span]))).toEqual(SPANS);
    const [conv, deep, back] = ['conv', 'deep', 'back'].map((name) => weights(name).weights);
    // Output 3, row 1 and column 0 of the window, input 2.
    expect(conv!.data[(3 * 6 + 2) * 3 + 2]).toBe(at('conv/kernel', 1, 0, 2, 3));
    // The second filter of channel 3.
    expect(deep!.data[7 * 4 + 2]).toBe(at('deep/depthwise_kernel', 1, 0, 3, 1));
    expect(back!.data[(5 * 6 + 4) * 8 + 7]).toBe(at('back/kernel', 1, 1, 5, 7));
    expect(weights('back').bias).toBeNull();
    expect(weights('fc').weights).toEqual(model.weights('fc'));
  });

  test('come back as they were where nothing is taken out', async () => {
    const model = await convolutional();
    const {
      graph,
      features: { weights, narrow },
    } = model;
    const same = narrow({
      ...UNCHANGED,
      layers: new Map(graph.layers.map(({ name }) => [name, weights(name)])),
    }) as LayersModel;
    expect(same.artifacts.topology).toEqual(model.artifacts.topology);
    for (const [name, { bytes }] of model.artifacts.weights)
      expect([name, Buffer.from(same.artifacts.weights.get(name)!.bytes)]).toEqual([
        name,
        Buffer.from(bytes),
      ]);
  });

  test('get a bias where core says one', async () => {
    const model = await convolutional();
    const { weights } = model.features.weights('back');
    const zeros = denseMatrix(weights.rows, weights.cols);
    const bias = Float32Array.of(1, 2, 3, 4, 5, 6);
    const changed = model.features.narrow({
      ...UNCHANGED,
      layers: new Map([['back', { weights: zeros, bias }]]),
    });
    expect(configOf(changed, 'back')).toMatchObject({ use_bias: true, filters: 6 });
    const made = only(await outputsOf(changed.features!.observe(['back'])));
    expect([...made.data.subarray(0, 6)]).toEqual([...bias]);
  });
});

test('sizes that the file says are those of the narrower model, and it stays a row of layers', async () => {
  const model = await opened(
    tfl.sequential({
      layers: [
        layers.dense({ name: 'fc1', units: 12, inputShape: [5], activation: 'relu' }),
        layers.reshape({ name: 'rows', targetShape: [1, 12] }),
        layers.dense({ name: 'fc2', units: 6, inputShape: [1, 12] }),
        layers.dense({ name: 'fc3', units: 2 }),
      ],
    }),
  );
  const { model: narrower } = await reduceNeurons(model, new Map([['fc1', 0.5]]), options);
  expect(configOf(narrower, 'fc1')).toMatchObject({ units: 6, batch_input_shape: [null, 5] });
  expect(configOf(narrower, 'rows').target_shape).toEqual([1, 6]);
  expect(configOf(narrower, 'fc2').batch_input_shape).toEqual([null, 1, 6]);
  expect((narrower as LayersModel).artifacts.topology.class_name).toBe('Sequential');
  expect(narrower.layers.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
    [5, 6],
    [6, 6],
    [6, 2],
  ]);
  const target = join(folder, 'narrower.json');
  await narrower.write(target);
  const { model: read } = await tfjsFormat.read(target);
  expect(await outputsOf(read)).toEqual(await outputsOf(narrower));
});

describe('a model that gives out', () => {
  const outputs = async (model: Model, names: readonly string[]): Promise<Tensor[]> => {
    const made = await outputsOf(model.features!.observe(names));
    expect(Object.keys(made)).toEqual([...names]);
    return names.map((name) => made[name]!);
  };

  test('tensors between layers needs no layers behind them', async () => {
    const model = await convolutional();
    const observed = model.features.observe(['norm']);
    expect(observed.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['norm', [undefined, 4, 5, 4]],
    ]);
    const weights = [...(observed as LayersModel).artifacts.weights.keys()];
    expect(new Set(weights.map((name) => name.split('/')[0]))).toEqual(new Set(['conv', 'norm']));
    expect(only(await outputsOf(model.features.observe(['fc'])))).toEqual(only(await outputsOf(model)));
  });

  test('what lies before an activation has layers without it', async () => {
    const model = await convolutional();
    const [linear, conv, deep, active] = await outputs(model, ['conv/linear', 'conv', 'deep/linear', 'deep']);
    expectClose(
      { ...linear!, data: linear!.data.map((value: number) => Math.max(0, value)) as Float32Array },
      conv!,
    );
    expectClose(
      { ...deep!, data: deep!.data.map((value: number) => Math.tanh(value)) as Float32Array },
      active!,
    );
  });

  test('what lies between the kernels of a separable convolution takes the first', async () => {
    const model = await convolutional();
    const [between, linear] = (await outputs(model, ['apart/depthwise', 'apart/linear'])) as [Tensor, Tensor];
    const { weights, bias } = model.features.weights('apart');
    expect(between.shape.at(-1)).toBe(6);
    const made = Float32Array.from(linear.data, (_, i) => {
      const [position, output] = [Math.floor(i / 8), i % 8];
      let sum = bias![output]!;
      for (let c = 0; c < 6; c++) sum += between.data[position * 6 + c]! * weights.data[output * 6 + c]!;
      return sum;
    });
    expectClose({ shape: linear.shape, data: made }, linear);
  });

  test('what lies within a second call', async () => {
    const [x, y] = ['x', 'y'].map((name) => tfl.input({ shape: [3], name })) as [
      tfl.SymbolicTensor,
      tfl.SymbolicTensor,
    ];
    const shared = layers.dense({ name: 'shared', units: 4, activation: 'tanh' });
    const out = layers.dense({ name: 'out', units: 2 });
    const both = [x, y].map((input) => shared.apply(input)) as tfl.SymbolicTensor[];
    const sum = layers.add().apply(both) as tfl.SymbolicTensor;
    const model = await opened(tfl.model({ inputs: [x, y], outputs: out.apply(sum) as tfl.SymbolicTensor }));
    const observed = model.features.observe(['shared/linear#2', 'shared#2']);
    const [linear, active] = Object.values(await outputsOf(observed)) as [Tensor, Tensor];
    expectClose(
      { ...linear, data: linear.data.map((value: number) => Math.tanh(value)) as Float32Array },
      active,
    );
  });

  test('what no layer makes is refused', async () => {
    const { features } = await convolutional();
    expect(() => features.observe(['nothing'])).toThrow('no layer makes the tensor nothing');
  });
});

test('a model with sums of clusters loses features as any other', async () => {
  const model = await opened(
    tfl.sequential({
      layers: [
        layers.dense({ name: 'fc1', units: 24, inputShape: [12], activation: 'relu' }),
        layers.dense({ name: 'fc2', units: 16, activation: 'tanh' }),
        layers.dense({ name: 'fc3', units: 3 }),
      ],
    }),
  );
  // Stages of columns whose order did not fold mix what they read.
  for (const folded of [true, false]) {
    const smaller = folded ? compressed(model, 0.5) : explicit(model, 0.5);
    const offered = findWidths(smaller.graph).widths.filter(({ reason }) => reason === undefined);
    expect(offered.some(({ name }) => name === 'fc1')).toBe(folded);
    const ratios = new Map(offered.map(({ name }) => [name, 0.5]));
    const { model: narrower, masked } = await reduceNeurons(smaller, ratios, options);
    expectClose(only(await outputsOf(narrower)), only(await outputsOf(masked())));
  }
});

describe('weights keep the types in which they are stored', () => {
  const types = ['float16', 'uint8'] as const;
  test.each(types)('%s', async (type) => {
    const model = await quantised(type);
    const { graph } = model;
    expect(graph.layers.map(({ name }) => name)).toEqual(['conv', 'fc']);
    const { model: narrower, masked } = await reduceNeurons(model, new Map([['conv', 0.5]]), options);
    for (const [name, { spec }] of (narrower as LayersModel).artifacts.weights)
      expect([name, spec.quantization?.dtype]).toEqual([name, type]);
    expect((narrower as LayersModel).artifacts.weights.get('norm/moving_variance')!.spec.shape).toEqual([4]);
    // Both are rounded on grids of their own ranges.
    expectClose(
      only(await outputsOf(narrower)),
      only(await outputsOf(masked())),
      type === 'uint8' ? 0.05 : 2e-3,
    );
  });
});

/** A small network whose weights are all stored in a type. */
async function quantised(type: 'float16' | 'uint8'): Promise<Model> {
  const artifacts = await artifactsOf(
    randomWeights(
      tfl.sequential({
        layers: [
          layers.conv2d({ name: 'conv', inputShape: [4, 4, 3], filters: 8, kernelSize: 3 }),
          layers.batchNormalization({ name: 'norm' }),
          layers.flatten(),
          layers.dense({ name: 'fc', units: 5 }),
        ],
      }),
    ),
  );
  const whole = Buffer.concat([artifacts.weightData!].flat().map((part) => new Uint8Array(part)));
  let at = 0;
  const stored = artifacts.weightSpecs!.map((spec) => {
    const size = spec.shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(new Uint8Array(whole.subarray(at, at + 4 * size)).buffer);
    at += 4 * size;
    if (type === 'float16') {
      const halves = Uint16Array.from(values, (value) => toFloat16(value));
      return { spec: { ...spec, quantization: { dtype: type } }, bytes: new Uint8Array(halves.buffer) };
    }
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const scale = (max - min) / 255;
    const bytes = Uint8Array.from(values, (value) => Math.round((value - min) / scale));
    return { spec: { ...spec, quantization: { dtype: type, scale, min } }, bytes };
  });
  const weightData = new Uint8Array(Buffer.concat(stored.map(({ bytes }) => bytes))).buffer;
  const path = await saveModel(
    { ...artifacts, weightSpecs: stored.map(({ spec }) => spec), weightData },
    folder,
    { name: type },
  );
  return (await tfjsFormat.read(path)).model;
}
