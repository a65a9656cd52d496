/**
 * Models whose topologies are written by hand: nothing in this process has registered operations as methods of tensors, as
 * TensorFlow.js' union package does, so that the session alone has to build recurrent layers and wrappers.
 */
import { type Model, planRewrite, type SkippedLayer } from '@spherize/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { startNodeBackend, tfjsModel } from '../src/node.js';
import { dealtOut, outputsOf } from './compressing.js';

beforeAll(startNodeBackend);

type Weights = Readonly<Record<string, readonly number[]>>;
interface Config {
  readonly [key: string]: unknown;
}

const lstm = (name: string, more: Config = {}) => ({
  class_name: 'LSTM',
  config: {
    name,
    units: 4,
    kernel_initializer: { class_name: 'GlorotUniform', config: {} },
    recurrent_initializer: { class_name: 'Orthogonal', config: { gain: 1 } },
    ...more,
  },
});
const INPUT = { batch_input_shape: [null, 3, 5] };
const STEPS = 'its steps share their weights, which are left alone';

/** A wrapper or recurrent layer, the weights in it, and what is said of it. */
const MODELS: Readonly<Record<string, readonly [Config, Weights, readonly SkippedLayer[]]>> = {
  'an LSTM': [
    lstm('memory', INPUT),
    { 'memory/kernel': [5, 16], 'memory/recurrent_kernel': [4, 16], 'memory/bias': [16] },
    [{ name: 'memory', reason: `a recurrent layer (LSTM): ${STEPS}`, parameters: 144 }],
  ],
  'a GRU': [
    { class_name: 'GRU', config: { ...lstm('memory', INPUT).config, reset_after: false } },
    { 'memory/kernel': [5, 12], 'memory/recurrent_kernel': [4, 12], 'memory/bias': [12] },
    [{ name: 'memory', reason: `a recurrent layer (GRU): ${STEPS}`, parameters: 108 }],
  ],
  'an RNN of a cell': [
    {
      class_name: 'RNN',
      config: {
        ...INPUT,
        name: 'memory',
        cell: { class_name: 'SimpleRNNCell', config: lstm('cell').config },
      },
    },
    { 'memory/kernel': [5, 4], 'memory/recurrent_kernel': [4, 4], 'memory/bias': [4] },
    [{ name: 'memory', reason: `a recurrent layer (RNN): ${STEPS}`, parameters: 36 }],
  ],
  'a Bidirectional LSTM': [
    {
      class_name: 'Bidirectional',
      config: { ...INPUT, name: 'both', merge_mode: 'sum', layer: lstm('way') },
    },
    Object.fromEntries(
      ['forward', 'backward'].flatMap((way) => [
        [`both/${way}_way/kernel`, [5, 16]],
        [`both/${way}_way/recurrent_kernel`, [4, 16]],
        [`both/${way}_way/bias`, [16]],
      ]),
    ),
    ['forward', 'backward'].map((way) => ({
      name: `both/${way}_way`,
      reason: 'it is inside the Bidirectional both',
      parameters: 144,
    })),
  ],
  'a TimeDistributed Dense layer': [
    {
      class_name: 'TimeDistributed',
      config: { ...INPUT, name: 'each', layer: { class_name: 'Dense', config: { name: 'held', units: 4 } } },
    },
    { 'each/kernel': [5, 4], 'each/bias': [4] },
    [{ name: 'held', reason: 'it is inside the TimeDistributed each', parameters: 20 }],
  ],
};

function build(first: Config, held: Weights): Promise<Model> {
  const shapes: Weights = {
    ...held,
    'fc1/kernel': [first.class_name === 'TimeDistributed' ? 12 : 4, 24],
    'fc1/bias': [24],
    'fc2/kernel': [24, 3],
    'fc2/bias': [3],
  };
  const sizes = Object.values(shapes).map((shape) => shape.reduce((product, size) => product * size, 1));
  const layers = [
    first,
    { class_name: 'Flatten', config: { name: 'flat' } },
    { class_name: 'Dense', config: { name: 'fc1', units: 24, activation: 'relu' } },
    { class_name: 'Dense', config: { name: 'fc2', units: 3 } },
  ].filter(({ class_name }) => class_name !== 'Flatten' || first.class_name === 'TimeDistributed');
  return tfjsModel({
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'model', layers },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    format: 'layers-model',
    generatedBy: 'a test',
    convertedBy: null,
    weightSpecs: Object.entries(shapes).map(([name, shape]) => ({
      name,
      shape: [...shape],
      dtype: 'float32',
    })),
    weightData: sizes.map(
      (size, w) => Float32Array.from({ length: size }, (_, i) => Math.sin(1 + 7 * w + i)).buffer,
    ),
  });
}

test('tensors have no operations as methods here', () => {
  expect(Reflect.get(tf.Tensor.prototype, 'transpose')).toBeUndefined();
});

describe.each(Object.entries(MODELS))('%s', (_, [first, held, skipped]) => {
  test('is named with its parameters and a reason, and runs', async () => {
    const model = await build(first, held);
    expect(model.skipped).toEqual(skipped);
    const [output] = Object.values(await outputsOf(model));
    expect(output!.shape).toEqual([2, 3]);
    expect([...output!.data].every(Number.isFinite)).toBe(true);
  });

  test('Dense layers behind it are compressed', async () => {
    const model = await build(first, held);
    expect(model.layers.map(({ name }) => name)).toEqual(['fc1', 'fc2']);
    const layers = new Map(['fc1', 'fc2'].map((name) => [name, dealtOut(model, name, 0.5)]));
    const outputs = await Promise.all(
      (['fold', 'explicit'] as const).map(async (folding) =>
        Object.values(await outputsOf(model.rewrite(planRewrite(model, layers, { folding }).rewrite))),
      ),
    );
    const [folded, explicit] = outputs.map(([output]) => output!.data);
    folded!.forEach((value, i) => {
      expect(value).toBeCloseTo(explicit![i]!, 4);
    });
  });
});

test('stacked cells give what the last of them does', async () => {
  const cells = [7, 4].map((units) => ({ class_name: 'SimpleRNNCell', config: { units } }));
  const cell = { class_name: 'StackedRNNCells', config: { name: 'stack', cells } };
  const model = await build({ class_name: 'RNN', config: { ...INPUT, name: 'memory', cell } }, {});
  expect(model.layers.map(({ name, inputs }) => [name, inputs])).toEqual([
    ['fc1', 4],
    ['fc2', 24],
  ]);
});
