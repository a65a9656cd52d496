/** Transposed, separable, one- and three-dimensional convolutions by columns, in LayersModels and GraphModels. */
import {
  type CalibrationInputs,
  compressModel,
  type FcLayer,
  type Model,
  planFold,
  Random,
  type Tensor,
} from '@spherize/core';
import { SUMMATION_TOLERANCE } from '@spherize/core/proof';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadable } from '../src/index.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, tf, tfl } from './build-layers-model.js';
import { expectAgreement, offered } from './column-checks.js';
import { expectClose, outputsOf, partsOf } from './compressing.js';

interface Setting {
  readonly kernel: number;
  readonly stride: number;
  readonly same: boolean;
  readonly bias: boolean;
  readonly activation: 'linear' | 'relu' | 'sigmoid';
  readonly normalised: boolean;
  /** Whether the model says how large its images are. */
  readonly known: boolean;
  readonly channels: number;
  readonly outputs: number;
  /** Filters for each channel of a separable convolution. */
  readonly multiplier: number;
}
const PLAIN: Setting = {
  kernel: 3,
  stride: 2,
  same: true,
  bias: true,
  activation: 'linear',
  normalised: false,
  known: true,
  channels: 16,
  outputs: 24,
  multiplier: 1,
};
const SIZE = 6;
const setting: fc.Arbitrary<Setting> = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  same: fc.boolean(),
  bias: fc.boolean(),
  activation: fc.constantFrom('linear', 'relu', 'sigmoid'),
  normalised: fc.boolean(),
  known: fc.boolean(),
  channels: fc.integer({ min: 2, max: 9 }),
  outputs: fc.integer({ min: 1, max: 9 }),
  multiplier: fc.integer({ min: 1, max: 2 }),
});

type LayerForm = 'conv2dTranspose' | 'separableConv2d';
/** A product at every position has to have many outputs for the sum before it to be worth it. */
const OUTPUTS = { conv2dTranspose: 24, separableConv2d: 400 } as const;
/** A convolution, what stands behind it, and the layer `target`. */
async function layersForm(form: LayerForm, s: Setting): Promise<Model> {
  const size = s.known ? SIZE : null;
  const made = tfl.layers.conv2d({
    name: 'made',
    filters: s.channels,
    kernelSize: 2,
    padding: 'same',
    inputShape: [size, size, 3] as number[],
  });
  const target = tfl.layers[form]({
    name: 'target',
    filters: s.outputs,
    kernelSize: s.kernel,
    strides: s.stride,
    padding: s.same ? 'same' : 'valid',
    useBias: s.bias,
    activation: s.activation,
    ...(form === 'separableConv2d' && { depthMultiplier: s.multiplier }),
  } as Parameters<typeof tfl.layers.separableConv2d>[0]);
  const between = s.normalised ? [tfl.layers.batchNormalization({ name: 'norm' })] : [];
  const layers = [made, ...between, tfl.layers.reLU({ name: 'act' }), target];
  // TensorFlow.js reads how many filters a channel has, and does not write it.
  return written(layers, { depth_multiplier: s.multiplier });
}

/** A model of these layers, of which the last one says more than TensorFlow.js writes. */
async function written(layers: tfl.layers.Layer[], more: object): Promise<Model> {
  const artifacts = await artifactsOf(randomWeights(tfl.sequential({ layers })));
  const topology = artifacts.modelTopology as { config: { layers: { config: object }[] } };
  Object.assign(topology.config.layers.at(-1)!.config, more);
  return tfjsModel(artifacts);
}

type GraphForm = 'transposed' | 'volume' | 'line';
const AXES = { transposed: 2, volume: 3, line: 1 } as const;
/** The same as a graph, as the converter writes it. */
function graphForm(form: GraphForm, s: Setting): Promise<Model> {
  const b = new GraphBuilder();
  const axes = AXES[form];
  const list = (values: readonly number[]) => ({ list: { i: values.map(String) } });
  const format = { data_format: { s: btoa(axes === 3 ? 'NDHWC' : 'NHWC') } };
  const size = s.known ? SIZE : undefined;
  const attr = (stride: number, same: boolean) => {
    const along = axes === 1 ? [1, stride] : Array<number>(axes).fill(stride);
    return {
      strides: list([1, ...along, 1]),
      dilations: list(Array(along.length + 2).fill(1)),
      padding: { s: btoa(same ? 'SAME' : 'VALID') },
      ...format,
    };
  };
  const convolve = (x: string, name: string, ends: number[], kernel: number, own: object): string => {
    const window = axes === 1 ? [1, kernel] : Array<number>(axes).fill(kernel);
    const weights = b.weight(`${name}/kernel`, [...window, ...ends]);
    if (axes !== 1) return b.node(`Conv${axes}D`, name, [x, weights], { ...own });
    const wide = b.node('ExpandDims', `${name}/wide`, [x, b.integers(`${name}/axis`, [-3], true)]);
    return b.node('Squeeze', name, [b.node('Conv2D', `${name}/conv`, [wide, weights], { ...own })], {
      squeeze_dims: list([-3]),
    });
  };
  const biased = (x: string, name: string, channels: number) =>
    b.node('BiasAdd', `${name}/added`, [x, b.weight(`${name}/bias`, [channels])], format);
  let x = b.input('x', [undefined, ...Array(axes).fill(size), 3]);
  x = biased(convolve(x, 'made', [3, s.channels], 2, attr(1, true)), 'made', s.channels);
  if (s.normalised) x = b.node('Mul', 'norm', [x, b.weight('norm/factors', [s.channels])]);
  x = b.node('Relu', 'act', [x]);
  if (form === 'transposed') {
    const shape = b.node('Shape', 'shape', [x], { out_type: { type: 'DT_INT32' } });
    const at = (axis: number) =>
      b.node(
        'StridedSlice',
        `at${axis}`,
        [shape, ...[axis, axis + 1, 1].map((value, i) => b.integers(`at${axis}/${i}`, [value]))],
        { T: { type: 'DT_INT32' }, shrink_axis_mask: { i: '1' } },
      );
    const more = s.same ? 0 : Math.max(0, s.kernel - s.stride);
    const place = (axis: number) => {
      if (s.known) return b.integers(`place${axis}`, [SIZE * s.stride + more], true);
      const times = b.node('Mul', `times${axis}`, [at(axis), b.integers(`by${axis}`, [s.stride], true)]);
      return b.node('AddV2', `place${axis}`, [times, b.integers(`more${axis}`, [more], true)]);
    };
    const sizes = [at(0), place(1), place(2), b.integers('filters', [s.outputs], true)];
    const stack = b.node('Pack', 'stack', sizes, { N: { i: '4' }, axis: { i: '0' } });
    const weights = b.weight('target/kernel', [s.kernel, s.kernel, s.outputs, s.channels]);
    x = b.node('Conv2DBackpropInput', 'target', [stack, weights, x], attr(s.stride, s.same));
  } else {
    x = convolve(x, 'target', [s.channels, s.outputs], s.kernel, attr(s.stride, s.same));
  }
  if (s.bias) x = biased(x, 'target', s.outputs);
  if (s.activation !== 'linear') x = b.node(s.activation === 'relu' ? 'Relu' : 'Sigmoid', 'active', [x]);
  return tfjsModel(b.output(x, [undefined, ...Array(axes).fill(undefined), s.outputs]).build());
}

type Build = (own?: Partial<Setting>) => Promise<Model>;
const FORMS: readonly (readonly [what: string, build: Build])[] = [
  ...(['conv2dTranspose', 'separableConv2d'] as const).map(
    (form) =>
      [
        `LayersModel ${form}`,
        (own: Partial<Setting> = {}) => layersForm(form, { ...PLAIN, outputs: OUTPUTS[form], ...own }),
      ] as const,
  ),
  ...(['transposed', 'volume', 'line'] as const).map(
    (form) =>
      [`GraphModel ${form}`, (own: Partial<Setting> = {}) => graphForm(form, { ...PLAIN, ...own })] as const,
  ),
];

function targetOf(model: Model): FcLayer {
  return model.convolutions!.layers.find(({ name }) => name === 'target')!;
}

/** Samples that move smoothly from position to position. */
function smooth(model: Model): CalibrationInputs {
  const [{ name, shape }] = model.inputs as [Model['inputs'][number]];
  const sizes = shape.slice(1) as number[];
  return {
    name: 'smooth',
    samples: 120,
    async *batches() {
      for (const seed of [1, 2, 3]) {
        const random = new Random(seed);
        const length = 40 * sizes.reduce((product, size) => product * size, 1);
        const data = Float32Array.from({ length }, (_, i) => random.normal() * 0.2 + Math.sin(i / 9 + seed));
        yield { [name]: { shape: [40, ...sizes], data } };
      }
    },
  };
}

async function run(model: Model, inputs: Record<string, Tensor>): Promise<Float32Array> {
  const session = await model.session();
  try {
    return Float32Array.from(Object.values(await session.run(inputs))[0]!.data);
  } finally {
    await session.release();
  }
}

describe.each(FORMS)('%s', (what, build) => {
  test('any clusters of channels: folded, explicit and whole filters agree', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.nat(1000), async (own, seed) => {
        // A sum over channels needs two of them.
        const names = seed % 3 === 0 && own.multiplier === 1 ? ['made', 'target'] : ['target'];
        await expectAgreement(await build(own), names, seed);
      }),
      { numRuns: 20, seed: 7 },
    );
  }, 120_000);

  test('is offered with its window, and folds', async () => {
    const model = await build();
    const target = targetOf(model);
    expect(target).toMatchObject({ inputs: 16, window: { channels: 'last' } });
    expect(model.skipped.find(({ name }) => name.startsWith('target'))!.reason).toMatch(
      /it is compressed where it is named|its product is compressed where it is named/,
    );
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { target: 0.5 } });
    expect(layers).toMatchObject([{ name: 'target', clusters: 8, folded: true }]);
    expect(layers[0]!.fold.orderInto).not.toBeNull();
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(smaller.parameters).toBeLessThan(model.parameters);
    const again = await compressModel(model, { ratio: { target: 0.5 } });
    expect(loadable(again.model)).toEqual(loadable(smaller));
    const reopened = await tfjsModel(loadable(smaller));
    expect(targetOf(reopened)).toMatchObject({ inputs: 8 });
    expectClose(await outputsOf(reopened), await outputsOf(smaller));
  });

  test('loses nothing at all its channels, nor where channels are alike', async () => {
    const model = await build();
    const whole = await compressModel(model, { ratio: { target: 0 } });
    expect(whole.proof).toMatchObject({ against: 'original' });
    expectClose(await outputsOf(whole.model), await outputsOf(model));
    const own = offered(model, ['target']);
    expectClose(await outputsOf(own), await outputsOf(model));
    const weights = own.weights('target');
    for (let i = 0; i < weights.rows; i++) {
      for (let j = 8; j < 16; j++) weights.data[i * 16 + j] = (j / 16) * weights.data[i * 16 + j - 8]!;
    }
    const rewrite = { layer: 'target', weights, bias: own.bias('target') ?? null, input: null };
    const planted = own.rewrite({ layers: [rewrite], features: [] });
    const { layers, model: smaller } = await compressModel(planted, { ratio: { target: 0.5 } });
    expect(layers[0]!.relativeError).toBeLessThan(1e-6);
    expectClose(await outputsOf(smaller), await outputsOf(planted));
  });

  test('comes closer to the original where it is refitted', async () => {
    const model = await build({ normalised: true });
    const calibration = smooth(model);
    const ratio = { target: 0.75 };
    const merged = await compressModel(model, { ratio });
    const refitted = await compressModel(model, { ratio, calibration });
    const [report] = refitted.layers;
    expect(report!.calibration!.errorAfter).toBeLessThan(0.8 * report!.calibration!.errorBefore);
    expect(refitted.proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    for await (const inputs of calibration.batches()) {
      const expected = await run(model, inputs as Record<string, Tensor>);
      const distance = async (other: Model): Promise<number> => {
        const made = await run(other, inputs as Record<string, Tensor>);
        return expected.reduce((sum, value, i) => sum + (value - made[i]!) ** 2, 0);
      };
      expect(await distance(refitted.model)).toBeLessThan(0.8 * (await distance(merged.model)));
    }
  }, 60_000);

  if (/ranspose/.test(what))
    test('makes what its window says', async () => {
      for (const own of [{ kernel: 3 }, { kernel: 1, stride: 3 }, { kernel: 3, stride: 1 }, { kernel: 2 }]) {
        for (const same of [true, false]) {
          const model = offered(await build({ ...own, same, channels: 3, outputs: 2 }), ['target']);
          const { head } = model.split(['target'], []);
          const random = new Random(3);
          const data = Float32Array.from({ length: SIZE * SIZE * 3 }, () => random.normal());
          const inputs = { [model.inputs[0]!.name]: { shape: [1, SIZE, SIZE, 3], data } };
          const session = await head!.session();
          const read = (await session.run(inputs))[model.layers[0]!.input]!;
          await session.release();
          const made = brought(model, read);
          expectClose({ y: { ...made, data: await run(model, inputs) } }, { y: made });
        }
      }
    });
});

/** What a transposed convolution makes of a square image, position by position. */
function brought(model: Model, { data }: Tensor): Tensor {
  const [{ inputs, outputs, window }] = model.layers as [FcLayer];
  const [weights, bias] = [model.weights('target'), model.bias('target')];
  const { kernel, strides, pads } = window!;
  const [[k], [stride]] = [kernel, strides] as unknown as [[number], [number]];
  const [before, behind] =
    typeof pads === 'string'
      ? [Math.floor(Math.max(0, k - stride) / 2), undefined]
      : (pads[0] as [number, number]);
  const places = behind === undefined ? SIZE * stride : (SIZE - 1) * stride + k - before - behind;
  const made = new Float32Array(places * places * outputs);
  made.forEach((_, i) => {
    made[i] = bias?.[i % outputs] ?? 0;
  });
  for (let p = 0; p < SIZE * SIZE; p++) {
    for (let s = 0; s < k * k; s++) {
      const y = Math.floor(p / SIZE) * stride + Math.floor(s / k) - before;
      const x = (p % SIZE) * stride + (s % k) - before;
      if (Math.min(x, y) < 0 || Math.max(x, y) >= places) continue;
      for (let o = 0; o < outputs; o++) {
        for (let c = 0; c < inputs; c++) {
          const weight = weights.data[(o * k * k + s) * inputs + c]!;
          made[(y * places + x) * outputs + o]! += weight * data[p * inputs + c]!;
        }
      }
    }
  }
  return { shape: [1, places, places, outputs], data: made };
}

test('a transposed convolution of volumes', async () => {
  const own = { kernelSize: 2, padding: 'same', activation: 'relu' } as const;
  const layers = [
    tfl.layers.conv3d({ ...own, name: 'made', filters: 6, inputShape: [4, 3, 4, 2] }),
    tfl.layers.conv3dTranspose({ ...own, name: 'target', filters: 5, strides: [2, 1, 2] }),
  ];
  const model = await written(layers, {});
  expect(targetOf(model)).toMatchObject({ outputs: 5, inputs: 6, window: { kernel: [2, 2, 2], back: true } });
  await (await model.session()).release();
  const backend = tf.getBackend();
  try {
    // The wasm backend computes them otherwise every time.
    await tf.setBackend('cpu');
    await expectAgreement(model, ['made', 'target'], 4);
  } finally {
    await tf.setBackend(backend);
  }
});

test('a separable convolution whose product is named is two layers that compute the same', async () => {
  const model = await layersForm('separableConv2d', { ...PLAIN, multiplier: 2, activation: 'relu' });
  const own = offered(model, ['target']);
  expect(partsOf(own)).toEqual(['Conv2D', 'ReLU', 'DepthwiseConv2D', 'Conv2D']);
  expect(own.outputs).toEqual(model.outputs);
  expect(own.parameters).toBe(model.parameters);
  expect(await own.multiplyAccumulates!()).toBe(await model.multiplyAccumulates!());
  expect(own.layers).toMatchObject([{ name: 'target', inputs: 32, input: 'target/depthwise' }]);
  expect(planFold(own.graph, 'target/depthwise', 32).reason).toContain('target/depthwise');
  expectClose(await outputsOf(own), await outputsOf(model));
});

test('multiplications of transposed and three-dimensional convolutions are counted', async () => {
  const made = SIZE ** 2 * 4 * 3 * 16;
  const back = await graphForm('transposed', PLAIN);
  expect(await back.multiplyAccumulates!()).toBe(made + SIZE ** 2 * 9 * 16 * 24);
  const volume = await graphForm('volume', PLAIN);
  expect(await volume.multiplyAccumulates!()).toBe(SIZE ** 3 * 8 * 3 * 16 + 3 ** 3 * 27 * 16 * 24);
});

describe('what no columns can leave is named with the reason', () => {
  const image =
    (layer: tfl.layers.Layer, more = {}) =>
    async () => {
      const first = tfl.layers.conv2d({ filters: 4, kernelSize: 1, inputShape: [8, 8, 3], name: 'made' });
      return written([first, layer], more);
    };
  const own = { name: 'target', filters: 2, kernelSize: 3 };
  const graph = (op: string, attr: object, operands: (b: GraphBuilder, x: string) => string[]) => () => {
    const b = new GraphBuilder();
    const x = b.input('x', [undefined, 8, 8, 4]);
    const y = b.node(op, 'y', operands(b, x), {
      strides: { list: { i: ['1', '1', '1', '1'] } },
      padding: { s: btoa('SAME') },
      ...attr,
    });
    return tfjsModel(b.output(y, [undefined, 8, 8, 2]).build());
  };
  const back = (b: GraphBuilder, x: string) => [
    b.integers('made', [1, 8, 8, 2]),
    b.weight('target/kernel', [3, 3, 2, 4]),
    x,
  ];
  test.each<[string, () => Promise<Model>, string]>([
    [
      'a dilated SeparableConv2D',
      image(tfl.layers.separableConv2d({ ...own, dilationRate: 2 })),
      'a separable convolution: it is dilated, which no DepthwiseConv2D of TensorFlow.js is',
    ],
    [
      'a channels-first SeparableConv2D',
      image(tfl.layers.separableConv2d({ ...own, dataFormat: 'channelsFirst', padding: 'same' })),
      'a separable convolution: it is channels-first',
    ],
    [
      'a channels-first Conv2DTranspose',
      image(tfl.layers.conv2dTranspose({ ...own, dataFormat: 'channelsFirst' })),
      'a 3×3 transposed convolution: it is channels-first',
    ],
    [
      'a dilated Conv2DTranspose',
      image(tfl.layers.conv2dTranspose(own), { dilation_rate: [2, 2] }),
      'a 3×3 transposed convolution: it is dilated, which TensorFlow.js takes no notice of',
    ],
    [
      'a dilated Conv2DBackpropInput',
      graph('Conv2DBackpropInput', { dilations: { list: { i: ['1', '2', '2', '1'] } } }, back),
      'a 3×3 convolution: it is dilated, which TensorFlow.js takes no notice of',
    ],
    [
      'a channels-first Conv2DBackpropInput',
      graph('Conv2DBackpropInput', { data_format: { s: btoa('NCHW') } }, back),
      'a 3×3 convolution: it is channels-first',
    ],
    [
      'a Conv1D of its own',
      graph('Conv1D', {}, (b, x) => [x, b.weight('target/kernel', [3, 4, 2])]),
      'a 3 convolution that TensorFlow does not have: only its channels can leave, with the width that they belong to',
    ],
  ])('%s', async (_, build, reason) => {
    const model = await build();
    expect(model.skipped).toContainEqual({ name: 'target', reason, parameters: expect.any(Number) });
    expect(model.convolutions!.layers.map(({ name }) => name)).not.toContain('target');
  });
});
