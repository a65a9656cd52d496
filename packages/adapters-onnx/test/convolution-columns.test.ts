/** Channels that a convolution reads are clustered as the columns of fully connected layers are. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type CompressedLayer,
  columnReaders,
  compressModel,
  denseMatrix,
  type FcLayer,
  findWidths,
  type Model,
  offering,
  planRewrite,
  reconstruct,
  selectLayers,
  spanOf,
} from '@spherize/core';
import { SUMMATION_TOLERANCE } from '@spherize/core/proof';
import fc from 'fast-check';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

function nodesOf(model: Model): string[] {
  return fromBinary(ModelProtoSchema, onnxBytes(model)).graph!.node.map(({ opType }) => opType);
}

/** The model with these convolutions among its layers. */
function offered(model: Model, names: readonly string[]): Model {
  return offering(model, selectLayers(model, names));
}

/** Any clusters of a convolution's channels. */
function randomClusters(layer: FcLayer, seed: number): CompressedLayer {
  const { inputs: columns } = layer;
  const rows = layer.outputs * spanOf(layer);
  const random = randomValues(2 * columns, seed);
  const clusters = Array.from({ length: columns }, (_, j) => Math.floor((random[j]! + 1) * 2.5) - 1);
  if (clusters.every((c) => c < 0)) clusters[0] = 0;
  const used = [...new Set(clusters.filter((c) => c >= 0))];
  return {
    assignment: Int32Array.from(clusters, (c) => used.indexOf(c)),
    scales: Float32Array.from({ length: columns }, (_, j) => 0.5 + Math.abs(random[columns + j]!)),
    centroids: denseMatrix(rows, used.length, randomValues(rows * used.length, seed + 1)),
  };
}

/** The model with all of its channels, and weights that are those of the clusters: no sum, nothing folded. */
function withWholeColumns(model: Model, compressed: ReadonlyMap<string, CompressedLayer>): Model {
  const layers = [...compressed].map(([layer, own]) => ({
    layer,
    weights: reconstruct(own),
    bias: model.bias(layer) ?? null,
    input: null,
  }));
  return model.rewrite({ layers, features: [] });
}

const MIDDLES = [
  'BatchNormalization',
  'Relu',
  'LeakyRelu',
  'PRelu',
  'MaxPool',
  'AveragePool',
  'Dropout',
  'Sigmoid',
  'Add per channel',
  'Mul per channel',
  'depthwise',
] as const;
type Middle = (typeof MIDDLES)[number];

function addMiddle(b: ModelBuilder, kind: Middle, x: string, channels: number, axes: number): string {
  const perChannel = [channels, ...Array<number>(axes).fill(1)];
  const positive = (count: number, seed: number) =>
    randomValues(count, seed).map((value) => 0.5 + Math.abs(value));
  switch (kind) {
    case 'BatchNormalization': {
      const parts = ['gamma', 'beta', 'mean', 'variance'].map((part, i) => {
        const values = i % 3 === 0 ? positive(channels, i + 3) : randomValues(channels, i + 5);
        return b.weight(b.name(part), [channels], values);
      });
      return b.node('BatchNormalization', [x, ...parts], { epsilon: { float: 1e-3 } });
    }
    case 'PRelu':
      return b.node('PRelu', [x, b.weight(b.name('slopes'), perChannel)]);
    case 'MaxPool':
    case 'AveragePool': {
      const ones = Array<number>(axes).fill(1);
      return b.node(kind, [x], {
        kernel_shape: ones.map(() => 3),
        pads: [...ones, ...ones],
        strides: ones,
      });
    }
    case 'Add per channel':
      return b.node('Add', [x, b.weight(b.name('beta'), perChannel)]);
    case 'Mul per channel':
      return b.node('Mul', [x, b.weight(b.name('gamma'), perChannel, positive(channels, 9))]);
    case 'depthwise': {
      const filters = b.weight(b.name('each'), [channels, 1, ...Array<number>(axes).fill(3)]);
      const ones = Array<number>(2 * axes).fill(1);
      return b.node('Conv', [x, filters, b.weight(b.name('shift'), [channels])], {
        group: channels,
        pads: ones,
      });
    }
    default:
      return b.node(kind, [x]);
  }
}

/** Of each axis of an image: enough for three wide filters. */
const SIZE = 19;
const filter = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  pads: fc.constantFrom('none', 'even', 'uneven', 'SAME_UPPER', 'SAME_LOWER'),
  bias: fc.boolean(),
});
const setting = fc.record({
  version: fc.constantFrom(8, 9, 11, 12, 13, 17),
  axes: fc.constantFrom(1, 2, 2, 3),
  known: fc.boolean(),
  filters: fc.tuple(filter, filter, filter),
  widths: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 2, max: 9 }))),
  middles: fc.tuple(
    fc.array(fc.constantFrom(...MIDDLES), { maxLength: 3 }),
    fc.array(fc.constantFrom(...MIDDLES), { maxLength: 3 }),
  ),
  which: fc.constantFrom(['c1'], ['c2'], ['c1', 'c2'], ['c0', 'c2']),
  seed: fc.nat(1000),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

/** Three convolutions in a row, with other operations between them. */
function chain({ version, axes, known, filters, widths, middles }: Setting): Uint8Array {
  const b = new ModelBuilder(version);
  let x = b.input('x', [
    undefined,
    widths[0]!,
    ...Array.from({ length: axes }, () => (known ? SIZE : undefined)),
  ]);
  filters.forEach(({ kernel, stride, dilation, pads, bias }, i) => {
    const [inputs, outputs] = [widths[i]!, widths[i + 1]!];
    const all = (value: number) => Array<number>(axes).fill(value);
    const operands = [x, b.weight(`c${i}.weight`, [outputs, inputs, ...all(kernel)])];
    if (bias) operands.push(b.weight(`c${i}.bias`, [outputs]));
    const same = pads.startsWith('SAME');
    x = b.node('Conv', operands, {
      ...(i % 2 === 0 && { kernel_shape: all(kernel) }),
      strides: all(i === 1 ? stride : 1),
      dilations: all(same ? 1 : dilation),
      ...(same && { auto_pad: { text: pads } }),
      ...(pads === 'even' && { pads: [...all(2), ...all(2)] }),
      ...(pads === 'uneven' && { pads: [...all(1), ...all(2)] }),
    });
    for (const kind of middles[i] ?? []) x = addMiddle(b, kind, x, outputs, axes);
  });
  b.node('Relu', [x], {}, ['y']);
  return b.output('y').build();
}

test('any clusters of channels: folded, explicit and whole filters agree', async () => {
  await fc.assert(
    fc.asyncProperty(setting, async (s) => {
      const plain = onnxModel(chain(s));
      expect(plain.layers).toEqual([]);
      const model = offered(plain, s.which);
      expect(model.layers.map(({ name }) => name)).toEqual(s.which);
      const compressed = new Map(
        model.layers.map((layer, i) => [layer.name, randomClusters(layer, s.seed + 10 * i)]),
      );
      const { rewrite } = planRewrite(model, compressed);
      const folded = model.rewrite(rewrite);
      const explicit = model.rewrite(planRewrite(model, compressed, { folding: 'explicit' }).rewrite);
      expect(folded.layers.map(({ inputs }) => inputs)).toEqual(
        [...compressed.values()].map(({ centroids }) => centroids.cols),
      );
      const shape = [2, s.widths[0]!, ...Array<number>(s.axes).fill(SIZE)];
      const size = shape.reduce((a, c) => a * c);
      const x = { shape, data: randomValues(size, s.seed + 7) };
      const wanted = (await run(withWholeColumns(model, compressed), { x })).y;
      expectClose((await run(explicit, { x })).y, wanted);
      expectClose((await run(folded, { x })).y, wanted);
    }),
    { numRuns: 60, seed: 5 },
  );
}, 120_000);

/** Two convolutions, with operations between them. */
function pair(middles: readonly Middle[], { readers = 1, kernel = 3 } = {}): Model {
  const b = new ModelBuilder();
  let x = b.input('x', [undefined, 3, 8, 8]);
  x = b.node('Conv', [x, b.weight('first.weight', [12, 3, 3, 3]), b.weight('first.bias', [12])], {}, ['c']);
  for (const kind of middles) x = addMiddle(b, kind, x, 12, 2);
  const second = b.weight('second.weight', [5, 12, kernel, kernel]);
  b.node('Conv', [x, second, b.weight('second.bias', [5])], {}, ['y']);
  if (readers > 1) b.node('Conv', [x, b.weight('third.weight', [5, 12, 1, 1])], {}, ['z']);
  b.output('y');
  return onnxModel((readers > 1 ? b.output('z') : b).build());
}

describe('a convolution', () => {
  test('is none of the layers until it is named, and then one with its span', () => {
    const model = pair(['Relu']);
    expect(selectLayers(model, ['second'])).toMatchObject([
      { name: 'second', outputs: 5, inputs: 12, window: { kernel: [3, 3], channels: 'first' } },
    ]);
    expect(model.layers).toEqual([]);
    expect(() => selectLayers(model)).toThrow(/no fully connected layer/);
    const own = offered(model, ['second']);
    expect(own.skipped.map(({ name }) => name)).toEqual(['first']);
    const { rows, cols, data } = own.weights('second');
    expect([rows, cols]).toEqual([5 * 9, 12]);
    // Filter 4, position [2, 1], channel 7.
    const stored = randomValues(5 * 12 * 9, 'second.weight'.length + 2);
    expect(data[(4 * 9 + 7) * 12 + 7]).toBe(stored[(4 * 12 + 7) * 9 + 7]);
  });

  test('folds into the filters of a depthwise convolution, and reorders what is before', async () => {
    const model = pair(['Relu', 'depthwise', 'Relu']);
    const { layers, proof } = await compressModel(model, { ratio: { second: 0.5 } });
    const { fold } = layers[0]!;
    expect(fold).toMatchObject({ orderInto: 'c', sumInto: null });
    expect(fold.scaleInto).toMatch(/conv/);
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    const linear = await compressModel(pair(['depthwise']), { ratio: { second: 0.5 } });
    expect(linear.layers[0]!.fold.reason).toMatch(
      /the sums stay: Conv .* multiplies each feature by values of its own/,
    );
    expect(linear.proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test('folds through normalisation and Relu, and the proof passes', async () => {
    const model = pair(['BatchNormalization', 'Relu']);
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.5 } });
    expect(layers).toMatchObject([{ name: 'second', columns: 12, clusters: 6, folded: true }]);
    expect(layers[0]!.fold).toMatchObject({ scaleInto: 'batchnormalization_4', orderInto: 'c' });
    expect(proof).toEqual({ deviation: expect.any(Number), against: 'explicit form' });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(nodesOf(smaller)).not.toContain('Gather');
    expect(smaller.parameters).toBe(model.parameters - 5 * 6 * 9);
  });

  test('loses nothing at all its channels, nor where channels are alike', async () => {
    const model = pair(['Relu']);
    const whole = await compressModel(model, { ratio: { second: 0 } });
    expect(whole.proof).toMatchObject({ against: 'original' });
    // Channel j of the second half is a multiple of channel j of the first.
    const own = offered(model, ['second']);
    const weights = own.weights('second');
    for (let i = 0; i < weights.rows; i++) {
      for (let j = 6; j < 12; j++) weights.data[i * 12 + j] = (j / 8) * weights.data[i * 12 + j - 6]!;
    }
    const bias = own.bias('second')!;
    const planted = own.rewrite({ layers: [{ layer: 'second', weights, bias, input: null }], features: [] });
    const { layers, model: smaller } = await compressModel(planted, { ratio: { second: 0.5 } });
    expect(layers[0]!.relativeError).toBeLessThan(1e-6);
    const x = { shape: [2, 3, 8, 8], data: randomValues(384, 5) };
    expectClose((await run(smaller, { x })).y, (await run(planted, { x })).y);
  });

  test('that shares its input keeps a gather, with the reason', async () => {
    const model = pair(['Relu'], { readers: 2 });
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.5 } });
    expect(layers[0]!.fold).toMatchObject({
      orderInto: null,
      reason: expect.stringContaining('has other consumers'),
    });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(nodesOf(smaller)).toContain('Gather');
  });

  test('adds nothing to the graph where all before it is linear', async () => {
    const model = pair(['AveragePool', 'Dropout', 'Add per channel'], { kernel: 1 });
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.75 } });
    expect(layers[0]!.fold).toMatchObject({ sumInto: 'c' });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(nodesOf(smaller)).toEqual(nodesOf(model));
  });

  test('adds nothing behind normalisation alone, whose factors move into the filters', async () => {
    const model = pair(['Add per channel', 'BatchNormalization', 'Add per channel', 'BatchNormalization']);
    const { layers, proof, model: smaller } = await compressModel(model, { ratio: { second: 0.75 } });
    expect(layers[0]!.fold).toMatchObject({ scaleInto: 'c', sumInto: 'c' });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(nodesOf(smaller)).toEqual(nodesOf(model));
    expect(smaller.parameters).toBeLessThan(model.parameters / 2);
    const whole = await compressModel(model, { ratio: { second: 0 } });
    expect(whole.proof).toMatchObject({ against: 'original' });
  });

  test('and the one before it, both compressed', async () => {
    const model = pair(['Relu', 'MaxPool']);
    const { layers, proof } = await compressModel(model, { ratio: { second: 0.5, first: 0.34 } });
    expect(layers.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['first', 2],
      ['second', 6],
    ]);
    expect(layers[1]!.fold).toMatchObject({ orderInto: 'first', targetIsLayer: true });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test.each([
    [
      'grouped',
      (b: ModelBuilder, x: string) => b.node('Conv', [x, b.weight('g', [4, 2, 3, 3])], { group: 2 }),
      /grouped/,
    ],
    [
      'transposed',
      (b: ModelBuilder, x: string) => b.node('ConvTranspose', [x, b.weight('g', [4, 2, 3, 3])]),
      /transposed/,
    ],
  ])('that is %s is refused with its reason', (_, add, reason) => {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 4, 8, 8]);
    b.node('Relu', [add(b, x)], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect(model.convolutions!.layers).toEqual([]);
    expect(() => selectLayers(model, ['g'])).toThrow(reason);
  });
});

describe('auto', () => {
  const options = { ratio: 0.31, reduce: 'auto', calibration: 'none' } as const;

  /** The second half of the second convolution's channels are multiples of the first half. */
  function planted(model: Model): Model {
    const own = offered(model, ['second']);
    const weights = own.weights('second');
    for (let i = 0; i < weights.rows; i++) {
      for (let j = 6; j < 12; j++) weights.data[i * 12 + j] = (j / 8) * weights.data[i * 12 + j - 6]!;
    }
    const bias = own.bias('second')!;
    return onnxModel(
      onnxBytes(own.rewrite({ layers: [{ layer: 'second', weights, bias, input: null }], features: [] })),
    );
  }

  test('weighs the columns of the convolution that reads a width, at as many parameters', async () => {
    const model = planted(pair(['Relu']));
    const [width] = findWidths(model.graph).widths;
    expect(columnReaders(model, width!).map(({ name }) => name)).toEqual(['second']);
    const { reductions, model: smaller } = await compressModel(model, options);
    expect(reductions).toEqual([{ width: 'first', from: 12, to: 6, kind: 'columns' }]);
    const x = { shape: [2, 3, 8, 8], data: randomValues(384, 5) };
    expectClose((await run(smaller, { x })).y, (await run(model, { x })).y);
  });

  test('weighs those of all that read it, and takes neurons where something else does', async () => {
    const model = planted(pair(['Relu'], { readers: 2 }));
    const { reductions } = await compressModel(model, options);
    expect(reductions.map(({ width, kind }) => [width, kind])).toEqual([['first', 'columns']]);
    const b = new ModelBuilder();
    const made = b.node('Conv', [
      b.input('x', [undefined, 3, 8, 8]),
      b.weight('first.weight', [12, 3, 3, 3]),
    ]);
    b.node('Conv', [made, b.weight('second.weight', [5, 12, 3, 3])], {}, ['y']);
    b.node('Conv', [made, b.weight('grouped.weight', [4, 6, 1, 1])], { group: 2 }, ['z']);
    const mixed = onnxModel(b.output('y').output('z').build());
    const [width] = findWidths(mixed.graph).widths;
    expect(width!.consumers).toEqual(['second', 'grouped']);
    expect(columnReaders(mixed, width!)).toEqual([]);
    const taken = await compressModel(mixed, options);
    expect(taken.reductions.map(({ kind }) => kind)).toEqual(['neurons']);
  });
});

describe('refitting', () => {
  const inputs = {
    name: 'smooth',
    samples: 120,
    async *batches() {
      for (const seed of [1, 2, 3]) {
        const data = randomValues(40 * 3 * 64, seed).map((value, i) => value * 0.2 + Math.sin(i / 9 + seed));
        yield { x: { shape: [40, 3, 8, 8], data } };
      }
    },
  };

  test.each([1, 3])('over patches repairs filters of %i positions along each axis', async (kernel) => {
    const model = pair(['Relu'], { kernel });
    const ratio = { second: 0.75 };
    const plain = await compressModel(model, { ratio });
    const refitted = await compressModel(model, { ratio, calibration: inputs });
    const { calibration } = refitted.layers[0]!;
    // 36 places of each sample, or 16 rows for each of the filter's weights.
    expect(calibration!.rows).toBeLessThanOrEqual(120 * 36);
    expect(calibration!.errorAfter).toBeLessThan(0.7 * calibration!.errorBefore);
    expect(refitted.proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    const errorOf = async (other: Model): Promise<number> => {
      const x = {
        shape: [8, 3, 8, 8],
        data: randomValues(8 * 192, 9).map((v, i) => v * 0.2 + Math.sin(i / 9)),
      };
      const [y, wanted] = [(await run(other, { x })).y!, (await run(model, { x })).y!];
      return [...wanted.data].reduce((sum, value, i) => sum + (value - y.data[i]!) ** 2, 0);
    };
    expect(await errorOf(refitted.model)).toBeLessThan(0.7 * (await errorOf(plain.model)));
    const again = await compressModel(model, { ratio, calibration: inputs });
    expect(onnxBytes(again.model)).toEqual(onnxBytes(refitted.model));
  });

  test('reads where the convolution does', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 2, 9, 9]);
    const w = (name: string) => b.weight(name, [2, 2, 3, 2]);
    const padded = b.node('Conv', [x, w('a.weight')], { pads: [1, 2, 3, 4], strides: [2, 1] });
    const same = b.node('Conv', [padded, w('b.weight')], { auto_pad: { text: 'SAME_LOWER' } });
    b.node('Conv', [same, w('c.weight')], { auto_pad: { text: 'VALID' }, dilations: [1, 2] }, ['y']);
    const { layers } = onnxModel(b.output('y').build()).convolutions!;
    const kernel = [3, 2];
    const ones = [1, 1];
    const rest = { kernel, channels: 'first' };
    expect(layers.map(({ window }) => window)).toEqual([
      {
        ...rest,
        strides: [2, 1],
        dilations: ones,
        pads: [
          [1, 3],
          [2, 4],
        ],
      },
      { ...rest, strides: ones, dilations: ones, pads: 'same-lower' },
      {
        ...rest,
        strides: ones,
        dilations: [1, 2],
        pads: [
          [0, 0],
          [0, 0],
        ],
      },
    ]);
  });
});
