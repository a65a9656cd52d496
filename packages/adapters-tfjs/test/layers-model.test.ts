/** LayersModels of all kinds: what is found, what folds where, and of which layers the result is made. */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Model, planFold } from '@spherize/core';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { blockOrder, blocksOf, dealOut, memberSums, total } from '../src/layers-model/cluster-blocks.js';
import { LayersModel } from '../src/layers-model/layers-model.js';
import { tfjsModel } from '../src/node.js';
import { artifactsOf, randomWeights, temporaryFolder, tfl } from './build-layers-model.js';
import { compressed, expectClose, explicit, outputsOf } from './compressing.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

const opened = async (model: tfl.LayersModel): Promise<Model> =>
  tfjsModel(await artifactsOf(randomWeights(model)));
const foldOf = (model: Model, name: string) => {
  const { input, inputs } = model.layers.find((layer) => layer.name === name)!;
  return planFold(model.graph, input, inputs);
};

/** Names of the layers that bring columns to their clusters because their order did not fold. */
function stagesOf(model: Model): string[] {
  if (!(model instanceof LayersModel)) throw new Error('not a LayersModel');
  const { config } = model.artifacts.topology as { config: { layers: { config: { name: string } }[] } };
  return config.layers.map((layer) => layer.config.name).filter((name) => /_stage\d$/.test(name));
}

const dense = (
  name: string,
  units: number,
  activation?: 'relu' | 'sigmoid' | 'tanh' | 'elu' | 'linear' | 'softmax',
) => tfl.layers.dense({ name, units, ...(activation ? { activation } : {}) });

describe('what stands between two layers', () => {
  const cases: [string, () => tfl.layers.Layer[], string | null, string | null][] = [
    ['nothing', () => [], 'fc1', 'fc1'],
    ['ReLU', () => [tfl.layers.reLU()], 'fc1', 'fc1'],
    ['ReLU with a limit', () => [tfl.layers.reLU({ maxValue: 6 })], null, 'fc1'],
    ['LeakyReLU', () => [tfl.layers.leakyReLU({ alpha: 0.2 })], 'fc1', 'fc1'],
    ['PReLU', () => [tfl.layers.prelu()], 'fc1', 'fc1'],
    ['BatchNormalization', () => [tfl.layers.batchNormalization({ name: 'bn' })], 'bn', 'fc1'],
    [
      'BatchNormalization without γ',
      () => [tfl.layers.batchNormalization({ name: 'bn', scale: false })],
      'bn',
      'fc1',
    ],
    ['Dropout', () => [tfl.layers.dropout({ rate: 0.5 })], 'fc1', 'fc1'],
    ['Activation tanh', () => [tfl.layers.activation({ activation: 'tanh' })], null, 'fc1'],
    ['Activation softmax', () => [tfl.layers.activation({ activation: 'softmax' })], null, null],
    ['LayerNormalization', () => [tfl.layers.layerNormalization({ name: 'ln' })], 'ln', null],
    [
      'Reshape and Flatten',
      () => [tfl.layers.reshape({ targetShape: [1, 1, 30] }), tfl.layers.flatten()],
      'fc1',
      'fc1',
    ],
    [
      'Reshape that splits',
      () => [tfl.layers.reshape({ targetShape: [5, 6] }), tfl.layers.flatten()],
      null,
      null,
    ],
    [
      'pooling across features',
      () => [
        tfl.layers.reshape({ targetShape: [30, 1] }),
        tfl.layers.maxPooling1d({ poolSize: 2, strides: 1, padding: 'same' }),
        tfl.layers.flatten(),
      ],
      null,
      null,
    ],
  ];
  test.each(cases)('%s', async (_, between, scaleInto, orderInto) => {
    const first = tfl.layers.dense({ name: 'fc1', inputShape: [9], units: 30 });
    const model = await opened(tfl.sequential({ layers: [first, ...between(), dense('fc2', 20)] }));
    expect(foldOf(model, 'fc2')).toMatchObject({ scaleInto, orderInto });
    const smaller = compressed(model, 0.6);
    expectClose(await outputsOf(smaller), await outputsOf(explicit(model, 0.6)));
    // The first layer reads the input, whose order nobody can change: stages of depthwise convolutions bring the columns together.
    expect(stagesOf(smaller)).toContain('fc1_stage3');
    expect(stagesOf(smaller).includes('fc2_stage3')).toBe(orderInto === null);
  });

  test.each(['relu', 'linear', 'sigmoid', 'tanh', 'elu', 'softmax'] as const)(
    'the activation %s of the layer before',
    async (activation) => {
      const first = tfl.layers.dense({ name: 'fc1', inputShape: [9], units: 30, activation });
      const model = await opened(tfl.sequential({ layers: [first, dense('fc2', 7)] }));
      const homogeneous = activation === 'relu' || activation === 'linear';
      const apart = activation !== 'softmax';
      expect(foldOf(model, 'fc2')).toMatchObject({
        scaleInto: homogeneous ? 'fc1' : null,
        orderInto: apart ? 'fc1' : null,
      });
      expectClose(await outputsOf(compressed(model, 0.6)), await outputsOf(explicit(model, 0.6)));
    },
  );
});

describe('after a convolution', () => {
  const conv = () =>
    tfl.layers.conv2d({
      name: 'conv',
      inputShape: [6, 6, 2],
      filters: 20,
      kernelSize: 3,
      activation: 'relu',
    });

  test('and Flatten one filter feeds several columns: the order of the columns cannot fold', async () => {
    const model = await opened(tfl.sequential({ layers: [conv(), tfl.layers.flatten(), dense('fc', 70)] }));
    expect(foldOf(model, 'fc')).toMatchObject({ scaleInto: null, orderInto: null });
    expect(foldOf(model, 'fc').reason).toContain('after a convolution');
    expectClose(await outputsOf(compressed(model, 0.5)), await outputsOf(explicit(model, 0.5)));
  });

  test.each(['average', 'max'])('and global %s pooling it folds into the filters', async (kind) => {
    const pool = kind === 'max' ? tfl.layers.globalMaxPooling2d({}) : tfl.layers.globalAveragePooling2d({});
    const model = await opened(tfl.sequential({ layers: [conv(), pool, dense('fc', 5)] }));
    expect(foldOf(model, 'fc')).toMatchObject({ scaleInto: 'conv', orderInto: 'conv' });
    const smaller = compressed(model, 0.5);
    expectClose(await outputsOf(smaller), await outputsOf(explicit(model, 0.5)));
    expect(stagesOf(smaller)).toEqual([]);
  });
});

describe('functional models', () => {
  test('two inputs, a branch and two outputs', async () => {
    const [a, b] = [tfl.input({ shape: [8], name: 'a' }), tfl.input({ shape: [8], name: 'b' })];
    const left = dense('left', 12, 'relu').apply(a) as tfl.SymbolicTensor;
    const right = dense('right', 12, 'relu').apply(b) as tfl.SymbolicTensor;
    const both = tfl.layers.concatenate({ name: 'both' }).apply([left, right]) as tfl.SymbolicTensor;
    const hidden = dense('hidden', 16, 'relu').apply(both) as tfl.SymbolicTensor;
    const outputs = [dense('x', 3).apply(hidden), dense('y', 2).apply(left)] as tfl.SymbolicTensor[];
    const model = await opened(tfl.model({ inputs: [a, b], outputs }));
    expect(model.inputs.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(model.outputs.map(({ name }) => name)).toEqual(['x', 'y']);
    expect(foldOf(model, 'hidden').reason).toContain('combines several tensors');
    expect(foldOf(model, 'y').reason).toContain('has other consumers');
    expectClose(await outputsOf(compressed(model, 0.5)), await outputsOf(explicit(model, 0.5)));
  });

  test('a Dense layer on sequences', async () => {
    const model = await opened(
      tfl.sequential({
        layers: [
          tfl.layers.dense({ name: 'fc1', inputShape: [5, 8], units: 24, activation: 'relu' }),
          dense('fc2', 6),
        ],
      }),
    );
    expect(stagesOf(compressed(model, 0.6))).toEqual(['fc1_stage1', 'fc1_stage2', 'fc1_stage3']);
    expectClose(await outputsOf(compressed(model, 0.6)), await outputsOf(explicit(model, 0.6)));
  });

  test('what is called twice, nested or wrapped is named and left alone', async () => {
    const input = tfl.input({ shape: [6] });
    const twice = dense('twice', 6, 'relu');
    const inner = tfl.sequential({
      name: 'inner',
      layers: [tfl.layers.dense({ name: 'deep', inputShape: [6], units: 4 })],
    });
    const shared = twice.apply(twice.apply(input)) as tfl.SymbolicTensor;
    const wide = tfl.layers.repeatVector({ n: 3 }).apply(inner.apply(shared) as tfl.SymbolicTensor);
    const wrapped = tfl.layers.timeDistributed({ layer: dense('each', 5), name: 'wrapper' }).apply(wide);
    const last = dense('last', 2).apply(tfl.layers.flatten().apply(wrapped) as tfl.SymbolicTensor);
    const model = await opened(tfl.model({ inputs: input, outputs: last as tfl.SymbolicTensor }));
    expect(model.layers.map(({ name }) => name)).toEqual(['last']);
    expect(model.skipped).toEqual([
      { name: 'twice', reason: 'it is called 2 times, and all calls share its weights', parameters: 36 },
      { name: 'deep', reason: 'it is inside the nested model inner', parameters: 24 },
      { name: 'each', reason: 'it is inside the TimeDistributed wrapper', parameters: 20 },
    ]);
    expectClose(await outputsOf(compressed(model, 0.5)), await outputsOf(explicit(model, 0.5)));
    expect(await model.multiplyAccumulates?.()).toBeUndefined();
  });
});

test('a Dense layer behind a nested model is compressed, and the model loads with its calls', async () => {
  const input = tfl.input({ shape: [6] });
  const inner = tfl.sequential({
    name: 'inner',
    layers: [tfl.layers.dense({ name: 'deep', inputShape: [6], units: 10 })],
  });
  const steps = tfl.layers.repeatVector({ n: 3 }).apply(inner.apply(input)) as tfl.SymbolicTensor;
  const last = dense('last', 4).apply(steps) as tfl.SymbolicTensor;
  const model = await opened(tfl.model({ inputs: input, outputs: last }));
  expect(foldOf(model, 'last').reason).toBe('Sequential inner holds layers of its own');
  expectClose(await outputsOf(compressed(model, 0.5)), await outputsOf(explicit(model, 0.5)));
});

test('a Sequential model with a nested one stays loadable when it becomes a graph', async () => {
  const inner = tfl.sequential({
    name: 'inner',
    layers: [tfl.layers.conv1d({ name: 'deep', inputShape: [2, 3], filters: 12, kernelSize: 2 })],
  });
  const layers = [inner, tfl.layers.flatten(), dense('fc1', 23, 'relu'), dense('fc2', 5)];
  const model = await opened(tfl.sequential({ layers }));
  const forms = new Set<unknown>();
  for (const ratio of [0.3, 0.5, 0.6]) {
    forms.add((compressed(model, ratio) as LayersModel).artifacts.topology.class_name);
    expectClose(await outputsOf(compressed(model, ratio)), await outputsOf(explicit(model, ratio)));
  }
  expect(forms).toContain('Model');
  const { head, tail } = model.split(['fc2'], []);
  expect([head?.outputs[0]?.shape, tail.layers.length]).toEqual([[undefined, 23], 1]);
});

test('a second output of a layer is named as what it is', async () => {
  const input = tfl.input({ shape: [3, 5] });
  const [, state] = tfl.layers.lstm({ name: 'memory', units: 6, returnState: true }).apply(input) as [
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
  ];
  const flat = tfl.layers.flatten();
  const shaped = tfl.layers.reshape({ targetShape: [1, 6] }).apply(state) as tfl.SymbolicTensor;
  const last = dense('last', 4).apply(flat.apply(shaped)) as tfl.SymbolicTensor;
  const model = await opened(tfl.model({ inputs: input, outputs: last }));
  expect(foldOf(model, 'last').reason).toContain('LSTM memory is read for a second output');
});

test('multiplications of images of any size are counted once their size is given', async () => {
  const convolution = tfl.layers.conv2d({ inputShape: [null, null, 2], filters: 4, kernelSize: 3 });
  const model = await opened(tfl.sequential({ layers: [convolution] }));
  expect(await model.multiplyAccumulates?.()).toBeUndefined();
  const [input] = model.inputs;
  expect(await model.multiplyAccumulates?.([{ ...input!, shape: [undefined, 8, 6, 2] }])).toBe(
    6 * 4 * 9 * 2 * 4,
  );
});

test('every class counts its multiplications', async () => {
  const image = (layer: tfl.layers.Layer) => [
    tfl.layers.conv2d({ inputShape: [6, 6, 2], filters: 4, kernelSize: 1 }),
    layer,
    tfl.layers.flatten(),
  ];
  const first = 36 * 2 * 4;
  const kernel = { kernelSize: 3, filters: 5 };
  const steps = tfl.layers.lstm({ units: 4, inputShape: [3, 5] });
  const cases: [tfl.layers.Layer[], number][] = [
    [image(tfl.layers.conv2d({ ...kernel, strides: 2, padding: 'same' })), first + 9 * 5 * 9 * 4],
    [image(tfl.layers.conv2dTranspose({ ...kernel, strides: 2 })), first + 36 * 4 * 9 * 5],
    [image(tfl.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })), first + 16 * 8 * 9],
    [image(tfl.layers.separableConv2d(kernel)), first + 16 * (9 * 4 + 4 * 5)],
    [image(tfl.layers.upSampling2d({})), first],
    [[steps], 3 * 4 * 4 * (5 + 4)],
  ];
  for (const [layers, expected] of cases) {
    const model = await opened(tfl.sequential({ layers }));
    expect(await model.multiplyAccumulates?.()).toBe(expected);
  }
});

test.each(['concat', 'sum'] as const)(
  'a Dense layer behind a Bidirectional one (%s) is compressed',
  async (mergeMode) => {
    const recurrent = tfl.layers.lstm({ units: 4 }) as tfl.RNN;
    const both = tfl.layers.bidirectional({ layer: recurrent, mergeMode, inputShape: [3, 2] });
    const model = await opened(tfl.sequential({ layers: [both, dense('fc', 12)] }));
    expect(model.layers.map(({ inputs }) => inputs)).toEqual([mergeMode === 'concat' ? 8 : 4]);
    expectClose(await outputsOf(compressed(model, 0.5)), await outputsOf(explicit(model, 0.5)));
  },
);

describe('masks', () => {
  const build = (...layers: tfl.layers.Layer[]) =>
    opened(
      tfl.sequential({
        layers: [
          tfl.layers.masking({ inputShape: [5, 6] }),
          dense('each', 8, 'relu'),
          ...layers,
          dense('last', 3),
        ],
      }),
    );

  test('a layer that hands one on to another that reads it is left alone', async () => {
    const model = await build(
      tfl.layers.dropout({ rate: 0.5 }),
      tfl.layers.lstm({ name: 'memory', units: 4 }),
    );
    expect(model.layers.map(({ name }) => name)).toEqual(['last']);
    expect(model.skipped.map(({ name, reason }) => [name, reason])).toContainEqual([
      'each',
      'it hands on a mask that memory reads, and what sums up columns before it would end the mask',
    ]);
  });

  test('no model is cut where one passes', async () => {
    const input = tfl.input({ shape: [5, 6] });
    const steps = tfl.layers.masking().apply(input) as tfl.SymbolicTensor;
    const made = dense('made', 6).apply(tfl.layers.leakyReLU().apply(steps)) as tfl.SymbolicTensor;
    const both = tfl.layers.add().apply([made, steps]) as tfl.SymbolicTensor;
    const last = tfl.layers.lstm({ units: 4 }).apply(both) as tfl.SymbolicTensor;
    const model = await opened(tfl.model({ inputs: input, outputs: last }));
    expect(model.layers.map(({ name }) => name)).toEqual(['made']);
    expect(model.split(['made'], []).head).toBeUndefined();
  });

  test('where none is read, or one ends before it is, layers are compressed', async () => {
    const ending = tfl.layers.leakyReLU();
    for (const more of [[], [ending, tfl.layers.lstm({ units: 4 })]]) {
      expect((await build(...more)).layers.map(({ name }) => name)).toEqual(['each', 'last']);
    }
  });
});

describe('the compressed model', () => {
  const layers = () => [
    tfl.layers.conv2d({ inputShape: [6, 6, 1], filters: 24, kernelSize: 3, activation: 'relu' }),
    tfl.layers.globalAveragePooling2d({}),
    dense('fc1', 40, 'relu'),
    dense('fc2', 30, 'sigmoid'),
    dense('fc3', 4, 'softmax'),
  ];

  const unfoldable = () => [
    tfl.layers.conv2d({ inputShape: [6, 6, 1], filters: 7, kernelSize: 3, activation: 'relu' }),
    tfl.layers.flatten(),
    dense('fc1', 60, 'relu'),
    dense('fc2', 4, 'softmax'),
  ];

  test.each([
    ['whose order folds', layers, 0],
    ['whose order does not fold', unfoldable, 3],
  ] as const)('%s loads in TensorFlow.js alone', async (_, built, stages) => {
    const model = await opened(tfl.sequential({ layers: built() }));
    const smaller = compressed(model, 0.6);
    expect(stagesOf(smaller)).toHaveLength(stages);
    const target = join(folder, 'stock.json');
    await smaller.write(target);
    const input = { shape: [2, 6, 6, 1], data: Array.from({ length: 72 }, (_, i) => Math.sin(i)) };
    const script = fileURLToPath(new URL('./load-with-tfjs.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, target], {
      input: JSON.stringify(input),
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const session = await smaller.session();
    const [name] = smaller.outputs.map((output) => output.name);
    const [found] = JSON.parse(stdout) as number[][];
    const made = await session.run({
      [smaller.inputs[0]!.name]: { shape: input.shape, data: Float32Array.from(input.data) },
    });
    await session.release();
    expectClose({ [name!]: { shape: [2, 4], data: Float32Array.from(found!) } }, made);
  });

  test('keeps the names of layers, inputs and outputs, and is the same twice', async () => {
    const model = await opened(tfl.sequential({ layers: layers() }));
    const [first, second] = [compressed(model, 0.6), compressed(model, 0.6)];
    expect(first.layers.map(({ name }) => name)).toEqual(model.layers.map(({ name }) => name));
    expect([first.inputs, first.outputs]).toEqual([model.inputs, model.outputs]);
    expect((first as LayersModel).artifacts).toEqual((second as LayersModel).artifacts);
  });

  test('can be compressed again', async () => {
    const model = await opened(tfl.sequential({ layers: layers() }));
    const once = compressed(model, 0.4);
    expectClose(await outputsOf(compressed(once, 0.4)), await outputsOf(explicit(once, 0.4)));
  });

  test('multiplies as often as its shapes say', async () => {
    const model = await opened(tfl.sequential({ layers: layers() }));
    expect(await model.multiplyAccumulates?.()).toBe(16 * 9 * 24 + 24 * 40 + 40 * 30 + 30 * 4);
  });
});

describe('blocks of clusters', () => {
  const groups = fc
    .uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 })
    .chain((sizes) =>
      fc.tuple(
        ...sizes
          .sort((a, b) => a - b)
          .map((size) => fc.record({ size: fc.constant(size), count: fc.integer({ min: 1, max: 40 }) })),
      ),
    );

  test('every cluster has one place, and what lies in their order is found again', () => {
    fc.assert(
      fc.property(groups, (given) => {
        const { blocks, sizes, rest, clusters } = dealOut(given);
        const sizeOf = given.flatMap(({ size, count }) => Array.from({ length: count }, () => size));
        expect([...clusters].sort((a, b) => a - b)).toEqual(sizeOf.map((_, c) => c));
        const own = [...Array.from({ length: blocks }, () => sizes).flat(), ...rest];
        expect(Array.from(clusters, (c) => sizeOf[c])).toEqual(own);
        expect([...blockOrder(given)]).toEqual([...clusters]);
        const laidOut = own.map((size) => ({ size, count: 1 }));
        expect(blocksOf(laidOut)).toMatchObject({ blocks, sizes, rest });
        const inOrder = own.every((size, c) => size === sizeOf[c]);
        expect(blocksOf(given) !== undefined).toBe(inOrder);
        const matrix = memberSums(sizes);
        expect(matrix.length).toBe(total(sizes) * sizes.length);
        expect(matrix.reduce((sum, value) => sum + value, 0)).toBe(total(sizes));
      }),
    );
  });
});
