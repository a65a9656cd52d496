/** Channels that a convolution reads are clustered as the columns of fully connected layers are, in LayersModels and GraphModels. */
import { compressModel, type Model, Random, selectLayers } from '@spherize/core';
import { SUMMATION_TOLERANCE } from '@spherize/core/proof';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadable } from '../src/index.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, tfl } from './build-layers-model.js';
import { expectAgreement, offered } from './column-checks.js';
import { expectClose, outputsOf, partsOf } from './compressing.js';

const filter = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  same: fc.boolean(),
  bias: fc.boolean(),
  activation: fc.constantFrom('linear', 'relu', 'sigmoid'),
});
const MIDDLES = [
  'normalisation',
  'relu',
  'leaky',
  'slopes',
  'largest',
  'mean',
  'dropout',
  'padding',
  'each',
] as const;
const middles = fc.array(fc.constantFrom(...MIDDLES), { maxLength: 3 });
const setting = fc.record({
  axes: fc.constantFrom(1, 2, 2, 2),
  known: fc.boolean(),
  filters: fc.tuple(filter, filter, filter),
  widths: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 2, max: 9 }))),
  middles: fc.tuple(middles, middles),
  which: fc.constantFrom(['c1'], ['c2'], ['c1', 'c2'], ['c0', 'c2']),
  seed: fc.nat(1000),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

/** Three convolutions in a row, with other layers between them. */
async function layersChain({ axes, known, filters, widths, middles }: Setting): Promise<Model> {
  const make = {
    normalisation: () => tfl.layers.batchNormalization({}),
    relu: () => tfl.layers.reLU(),
    leaky: () => tfl.layers.leakyReLU({}),
    slopes: () => tfl.layers.prelu({ sharedAxes: axes === 1 ? [1] : [1, 2] }),
    largest: () =>
      axes === 1
        ? tfl.layers.maxPooling1d({ poolSize: 2, strides: 1, padding: 'same' })
        : tfl.layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
    mean: () =>
      axes === 1
        ? tfl.layers.averagePooling1d({ poolSize: 2, strides: 1, padding: 'same' })
        : tfl.layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
    dropout: () => tfl.layers.dropout({ rate: 0.5 }),
    each: () =>
      axes === 1
        ? tfl.layers.leakyReLU({})
        : tfl.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu' }),
    padding: () =>
      axes === 1 ? tfl.layers.activation({ activation: 'relu' }) : tfl.layers.zeroPadding2d({ padding: 1 }),
  };
  const layers = filters.flatMap(({ kernel, stride, same, bias, activation }, i) => {
    const config = {
      name: `c${i}`,
      filters: widths[i + 1]!,
      kernelSize: kernel,
      strides: i === 1 ? stride : 1,
      padding: same ? 'same' : 'valid',
      useBias: bias,
      activation,
      ...(i === 0 && {
        inputShape: [...Array.from({ length: axes }, () => (known ? 12 : null)), widths[0]!] as number[],
      }),
    } as Parameters<typeof tfl.layers.conv2d>[0];
    const own = axes === 1 ? tfl.layers.conv1d(config) : tfl.layers.conv2d(config);
    return [own, ...(middles[i] ?? []).map((kind) => make[kind]())];
  });
  return tfjsModel(await artifactsOf(randomWeights(tfl.sequential({ layers }))));
}

const IMAGE = { data_format: { s: btoa('NHWC') } };
const list = (values: readonly number[]) => ({ list: { i: values.map(String) } });

/** The same as a graph: fused, or with a BiasAdd behind. */
function graphChain({ known, filters, widths, middles }: Setting): Promise<Model> {
  const b = new GraphBuilder();
  const size = known ? 12 : undefined;
  let x = b.input('x', [undefined, size, size, widths[0]!]);
  const pool = (op: string, name: string) =>
    b.node(op, name, [x], {
      ksize: list([1, 2, 2, 1]),
      strides: list([1, 1, 1, 1]),
      padding: { s: btoa('SAME') },
      ...IMAGE,
    });
  filters.forEach(({ kernel, stride, same, bias, activation }, i) => {
    const channels = widths[i + 1]!;
    const step = i === 1 ? stride : 1;
    const attr = {
      strides: list([1, step, step, 1]),
      dilations: list([1, 1, 1, 1]),
      padding: { s: btoa(same ? 'SAME' : 'VALID') },
      ...IMAGE,
    };
    const weights = b.weight(`c${i}/kernel`, [kernel, kernel, widths[i]!, channels]);
    const added = bias ? [b.weight(`c${i}/bias`, [channels])] : [];
    if (activation === 'relu' && bias) {
      x = b.fused('_FusedConv2D', `conv${i}`, [x, weights, ...added], ['BiasAdd', 'Relu'], attr);
    } else {
      x = b.node('Conv2D', `conv${i}`, [x, weights], attr);
      if (bias) x = b.node('BiasAdd', `biased${i}`, [x, ...added], IMAGE);
      if (activation !== 'linear') x = b.node(activation === 'relu' ? 'Relu' : 'Sigmoid', `act${i}`, [x]);
    }
    (middles[i] ?? []).forEach((kind, j) => {
      const name = `m${i}_${j}`;
      const vector = (part: string) =>
        b.weight(
          `${name}/${part}`,
          [channels],
          Float32Array.from({ length: channels }, (_, c) => 0.5 + ((c * 7 + j) % 5) / 4),
        );
      if (kind === 'normalisation') {
        const parts = ['gamma', 'beta', 'mean', 'variance'].map(vector);
        x = b.node('FusedBatchNormV3', name, [x, ...parts], {
          epsilon: { f: 0.001 },
          is_training: { b: false },
          ...IMAGE,
        });
      } else if (kind === 'relu') x = b.node('Relu', name, [x]);
      else if (kind === 'leaky') x = b.node('LeakyRelu', name, [x], { alpha: { f: 0.2 } });
      else if (kind === 'slopes') x = b.node('Prelu', name, [x, vector('slopes')]);
      else if (kind === 'largest') x = pool('MaxPool', name);
      else if (kind === 'mean') x = pool('AvgPool', name);
      else if (kind === 'each') {
        const attr = { strides: list([1, 1, 1, 1]), dilations: list([1, 1, 1, 1]), ...IMAGE };
        const operands = [x, b.weight(`${name}/filters`, [3, 3, channels, 1])];
        const same = { ...attr, padding: { s: btoa('SAME') } };
        x =
          j % 2 === 0
            ? b.node('DepthwiseConv2dNative', name, operands, same)
            : b.fused(
                'FusedDepthwiseConv2dNative',
                name,
                [...operands, vector('bias')],
                ['BiasAdd', 'Relu'],
                same,
              );
      } else if (kind === 'dropout') x = b.node('Identity', name, [x]);
      else x = b.node('Mul', name, [x, vector('factors')]);
    });
  });
  return tfjsModel(b.output(x, [undefined, size, size, widths[3]!]).build());
}

describe('any clusters of channels: folded, explicit and whole filters agree', () => {
  test('in LayersModels', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (s) => expectAgreement(await layersChain(s), s.which, s.seed)),
      { numRuns: 60, seed: 5 },
    );
  }, 120_000);

  test('in GraphModels', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (s) => expectAgreement(await graphChain(s), s.which, s.seed)),
      { numRuns: 60, seed: 6 },
    );
  }, 120_000);
});

interface Pair {
  /** Whether something else reads what the second convolution does. */
  readonly shared?: boolean;
  readonly kernel?: number;
  readonly normalised?: boolean;
  readonly activation?: 'relu' | 'linear';
  readonly outputs?: number;
}

const CHANNELS = 24;

/** Two convolutions with normalisation and an activation between them. */
async function layersPair({
  shared = false,
  kernel = 3,
  normalised = true,
  activation = 'relu',
  outputs = 40,
}: Pair = {}): Promise<Model> {
  const input = tfl.input({ shape: [8, 8, 3] });
  const first = tfl.layers.conv2d({ name: 'first', filters: CHANNELS, kernelSize: 3 });
  let x = first.apply(input) as ReturnType<typeof tfl.input>;
  if (normalised) x = tfl.layers.batchNormalization({ name: 'norm' }).apply(x) as typeof x;
  x = tfl.layers.activation({ activation, name: 'act' }).apply(x) as typeof x;
  const second = tfl.layers.conv2d({ name: 'second', filters: outputs, kernelSize: kernel }).apply(x);
  const other = shared ? [tfl.layers.globalMaxPooling2d({ name: 'other' }).apply(x)] : [];
  const model = tfl.model({ inputs: input, outputs: [second, ...other] as (typeof x)[] });
  return tfjsModel(await artifactsOf(randomWeights(model)));
}

async function graphPair({
  shared = false,
  kernel = 3,
  normalised = true,
  activation = 'relu',
  outputs = 40,
}: Pair = {}): Promise<Model> {
  const b = new GraphBuilder();
  const attr = {
    strides: list([1, 1, 1, 1]),
    dilations: list([1, 1, 1, 1]),
    padding: { s: btoa('VALID') },
    ...IMAGE,
  };
  let x = b.input('x', [undefined, 8, 8, 3]);
  x = b.node('Conv2D', 'made', [x, b.weight('first/kernel', [3, 3, 3, CHANNELS])], attr);
  if (normalised) {
    const parts = ['gamma', 'beta', 'mean', 'variance'].map((part, i) =>
      b.weight(
        `norm/${part}`,
        [CHANNELS],
        Float32Array.from({ length: CHANNELS }, (_, c) => 0.5 + ((c * 5 + i) % 7) / 7),
      ),
    );
    x = b.node('FusedBatchNormV3', 'norm', [x, ...parts], {
      epsilon: { f: 0.001 },
      is_training: { b: false },
      ...IMAGE,
    });
  }
  if (activation === 'relu') x = b.node('Relu', 'act', [x]);
  const operands = [
    x,
    b.weight('second/kernel', [kernel, kernel, CHANNELS, outputs]),
    b.weight('second/bias', [outputs]),
  ];
  const y = b.fused('_FusedConv2D', 'y', operands, ['BiasAdd'], attr);
  b.output(y, [undefined, 9 - kernel - 2, 9 - kernel - 2, outputs]);
  if (shared) {
    b.node('Neg', 'other', [x]);
    b.output('other', [undefined, 6, 6, CHANNELS]);
  }
  return tfjsModel(b.build());
}

describe.each([
  ['LayersModel', layersPair, 'norm'],
  ['GraphModel', graphPair, 'norm'],
] as const)('a convolution of a %s', (_, pair, norm) => {
  test('is none of the layers until it is named, and then one with its span', async () => {
    const model = await pair();
    expect(selectLayers(model, ['second'])).toMatchObject([
      { name: 'second', outputs: 40, inputs: CHANNELS, window: { kernel: [3, 3], channels: 'last' } },
    ]);
    expect(model.layers).toEqual([]);
    expect(() => selectLayers(model)).toThrow(/where they are named: first, second/);
    const own = offered(model, ['second']);
    expect(own.skipped).toMatchObject([
      { name: 'first', reason: 'a 3×3 convolution: it is compressed where it is named' },
    ]);
    const { rows, cols } = own.weights('second');
    expect([rows, cols]).toEqual([40 * 9, CHANNELS]);
  });

  test('folds through normalisation and Relu, and the proof passes', async () => {
    const model = await pair();
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.5 } });
    expect(layers).toMatchObject([{ name: 'second', columns: CHANNELS, clusters: 12, folded: true }]);
    expect(layers[0]!.fold).toMatchObject({
      scaleInto: norm,
      orderInto: expect.stringMatching(/first|made/),
    });
    expect(proof).toEqual({ deviation: expect.any(Number), against: 'explicit form' });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(smaller.parameters).toBeLessThan(model.parameters);
    // A sum of ones and zeros, or reshaped neighbours: no gather and no factor.
    expect(partsOf(smaller)).not.toContain('GatherV2');
    expect(partsOf(smaller)).not.toContain('Mul');
    const again = await compressModel(model, { ratio: { second: 0.5 } });
    expect(loadable(again.model)).toEqual(loadable(smaller));
  });

  test('of one position is a product at every position', async () => {
    const model = await pair({ kernel: 1 });
    const { layers, proof } = await compressModel(model, { ratio: { second: 0.75 } });
    expect(layers[0]).toMatchObject({ folded: true });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test('loses nothing at all its channels, nor where channels are alike', async () => {
    const model = await pair({ normalised: false });
    const whole = await compressModel(model, { ratio: { second: 0 } });
    expect(whole.proof).toMatchObject({ against: 'original' });
    // Channel j of the second half is a multiple of channel j of the first.
    const own = offered(model, ['second']);
    const weights = own.weights('second');
    const half = CHANNELS / 2;
    for (let i = 0; i < weights.rows; i++) {
      for (let j = half; j < CHANNELS; j++)
        weights.data[i * CHANNELS + j] = (j / 16) * weights.data[i * CHANNELS + j - half]!;
    }
    const bias = own.bias('second')!;
    const planted = own.rewrite({ layers: [{ layer: 'second', weights, bias, input: null }], features: [] });
    const { layers, model: smaller } = await compressModel(planted, { ratio: { second: 0.5 } });
    expect(layers[0]!.relativeError).toBeLessThan(1e-6);
    expectClose(await outputsOf(smaller), await outputsOf(planted));
  });

  test('that shares its input takes factors and order into the sum, with the reason', async () => {
    const model = await pair({ shared: true });
    const { layers, proof } = await compressModel(model, { ratio: { second: 0.5 } });
    expect(layers[0]!.fold).toMatchObject({
      orderInto: null,
      reason: expect.stringContaining('has other consumers'),
    });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test('adds nothing to the graph where all before it is linear', async () => {
    const model = await pair({ normalised: false, activation: 'linear', kernel: 1 });
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.75 } });
    expect(layers[0]!.fold.sumInto).toMatch(/first|made/);
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(partsOf(smaller)).toEqual(partsOf(model));
    expect(smaller.parameters).toBeLessThan(model.parameters / 2);
  });

  test('and the one before it, both compressed', async () => {
    const model = await pair({ normalised: false });
    const { layers, proof } = await compressModel(model, { ratio: { second: 0.5, first: 0.34 } });
    expect(layers.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['first', 2],
      ['second', 12],
    ]);
    expect(layers[1]!.fold).toMatchObject({ orderInto: 'first', targetIsLayer: true });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test('keeps its columns with the result narrowed, and is offered again', async () => {
    const model = await pair();
    const { model: smaller } = await compressModel(model, { ratio: { second: 0.5 } });
    const reopened = await tfjsModel(loadable(smaller));
    expect(reopened.convolutions!.layers.map(({ name, inputs }) => [name, inputs])).toEqual([
      ['first', 3],
      ['second', 12],
    ]);
    expectClose(await outputsOf(reopened), await outputsOf(smaller));
  });

  test.each([1, 3])('of %i positions along each axis is refitted over patches', async (kernel) => {
    const inputs = {
      name: 'smooth',
      samples: 120,
      async *batches() {
        for (const seed of [1, 2, 3]) {
          const random = new Random(seed);
          const data = Float32Array.from(
            { length: 40 * 192 },
            (_, i) => random.normal() * 0.2 + Math.sin(i / 9 + seed),
          );
          yield { [model.inputs[0]!.name]: { shape: [40, 8, 8, 3], data } };
        }
      },
    };
    const model = await pair({ kernel });
    const ratio = { second: 0.75 };
    const refitted = await compressModel(model, { ratio, calibration: inputs });
    const { calibration } = refitted.layers[0]!;
    expect(calibration!.errorAfter).toBeLessThan(0.7 * calibration!.errorBefore);
    expect(refitted.proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });
});

test('where convolutions look is read as they compute it', async () => {
  const layers = [
    tfl.layers.conv2d({
      name: 'a',
      filters: 2,
      kernelSize: [3, 2],
      strides: [2, 1],
      padding: 'same',
      inputShape: [9, 9, 2],
    }),
    tfl.layers.conv2d({ name: 'b', filters: 2, kernelSize: 2, dilationRate: [1, 2] }),
  ];
  const model = await tfjsModel(await artifactsOf(randomWeights(tfl.sequential({ layers }))));
  const none = [
    [0, 0],
    [0, 0],
  ];
  expect(model.convolutions!.layers.map(({ window }) => window)).toEqual([
    { kernel: [3, 2], strides: [2, 1], dilations: [1, 1], pads: 'same-upper', channels: 'last' },
    { kernel: [2, 2], strides: [1, 1], dilations: [1, 2], pads: none, channels: 'last' },
  ]);
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 9, 9, 2]);
  const y = b.node('Conv2D', 'y', [x, b.weight('a/kernel', [3, 2, 2, 4])], {
    strides: list([1, 2, 1, 1]),
    padding: { s: btoa('EXPLICIT') },
    explicit_paddings: list([0, 0, 1, 2, 3, 4, 0, 0]),
    ...IMAGE,
  });
  const graph = await tfjsModel(b.output(y, [undefined, 5, 15, 4]).build());
  expect(graph.convolutions!.layers.map(({ window }) => window)).toEqual([
    {
      kernel: [3, 2],
      strides: [2, 1],
      dilations: [1, 1],
      pads: [
        [1, 2],
        [3, 4],
      ],
      channels: 'last',
    },
  ]);
});
