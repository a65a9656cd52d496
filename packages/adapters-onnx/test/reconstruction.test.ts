/** Blocks are reconstructed: the layers that make a width are fitted together with those that read it. */
import { type CalibrationInputs, compressModel, type Model, type Tensor } from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { expect, test } from 'vitest';
import { readersAlone } from '../../core/test/readers-alone.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

/** Images of slow waves, in batches; the order of the samples is that of their first wave. */
function images(samples: number, channels: number, batch: number, seed: number): CalibrationInputs {
  const [height, width] = [8, 8];
  const values = randomValues(samples * channels * 6, seed);
  return {
    name: 'waves',
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += batch) {
        const count = Math.min(batch, samples - start);
        const data = new Float32Array(count * channels * height * width);
        for (let i = 0, at = 0; i < count * channels; i++) {
          const own = values.subarray((start * channels + i) * 6);
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++)
              data[at++] =
                Math.sin(own[0]! * y + own[1]! * x + 3 * own[2]!) + own[3]! * Math.cos(own[4]! * x + own[5]!);
        }
        const x: Tensor = { shape: [count, channels, height, width], data };
        yield { x };
      }
    },
  };
}

/** conv → activation → conv, as many times as there are pairs of channels. */
function convolutions(activation: 'Relu' | 'Tanh', batch?: number, strides = [1, 1]): Model {
  const b = new ModelBuilder();
  const same = { pads: [1, 1, 1, 1] };
  const x = b.input('x', [batch, 3, 8, 8]);
  const weight = (name: string, shape: number[], seed: number): string => {
    const scale = 1 / Math.sqrt(shape.slice(1).reduce((all, size) => all * size, 1));
    const values = randomValues(
      shape.reduce((all, size) => all * size, 1),
      seed,
    );
    return b.weight(
      name,
      shape,
      values.map((value) => 3 * scale * value),
    );
  };
  const first = b.node(
    'Conv',
    [x, weight('a', [16, 3, 3, 3], 1), b.weight('ab', [16], randomValues(16, 2))],
    same,
  );
  const hidden = b.node(activation, [first]);
  const second = b.node('Conv', [hidden, weight('b', [8, 16, 3, 3], 3)], { ...same, strides });
  return onnxModel(b.output(second, [batch, 8, undefined, undefined]).build());
}

/** expand → ReLU6 → depthwise → ReLU6 → project, as MobileNets do. */
function inverted(strides: number[]): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 3, 8, 8]);
  const bounds = [b.weight('least', [], Float32Array.of(0)), b.weight('most', [], Float32Array.of(6))];
  const relu6 = (name: string): string => b.node('Clip', [name, ...bounds]);
  const expanded = b.node('Conv', [
    x,
    b.weight(
      'a',
      [16, 3, 1, 1],
      randomValues(48, 1).map((value) => 3 * value),
    ),
    b.weight('ab', [16], randomValues(16, 2)),
  ]);
  const filters = [
    b.weight('f', [16, 1, 3, 3], randomValues(144, 3)),
    b.weight('fb', [16], randomValues(16, 4)),
  ];
  const attributes = { group: 16, pads: [1, 1, 1, 1], strides };
  const filtered = b.node('Conv', [relu6(expanded), ...filters], attributes);
  const out = b.node('Conv', [relu6(filtered), b.weight('b', [8, 16, 1, 1], randomValues(128, 5))]);
  return onnxModel(b.output(out, [undefined, 8, undefined, undefined]).build());
}

async function errors(
  model: Model,
  calibration: CalibrationInputs,
  unseen: CalibrationInputs,
): Promise<{ together: number; readersAlone: number; changed: boolean }> {
  const halved = async (of: Model): Promise<Model> =>
    (await compressModel(of, { reduce: 'neurons', ratio: 0.5, calibration })).model;
  const [own, alone] = [await halved(model), await halved(readersAlone(model))];
  const errorOf = async (of: Model): Promise<number> =>
    (await outputFidelity(model, of, unseen)).outputError!;
  const maker = (of: Model): Float32Array => of.features!.weights('a').weights.data;
  return {
    together: await errorOf(own),
    readersAlone: await errorOf(alone),
    changed: maker(own).some((value, i) => value !== maker(alone)[i]),
  };
}

test.each([
  ['Relu', [1, 1]],
  ['Tanh', [1, 1]],
  ['Tanh', [2, 2]],
] as const)(
  '%s, strides %o: makers and readers together keep more than readers alone',
  async (activation, strides) => {
    const model = convolutions(activation, undefined, [...strides]);
    const found = await errors(model, images(240, 3, 64, 1), images(50, 3, 50, 2));
    expect(found.changed).toBe(true);
    expect(found.together).toBeLessThan(0.95 * found.readersAlone);
  },
);

test.each([[[1, 1]], [[2, 2]]])('through a depthwise convolution with strides %o', async (strides) => {
  const found = await errors(inverted(strides), images(240, 3, 64, 1), images(50, 3, 50, 2));
  expect(found.changed).toBe(true);
  expect(found.together).toBeLessThan(found.readersAlone);
});

test('a model that takes so many samples at a time is reconstructed on whole batches', async () => {
  const found = await errors(convolutions('Relu', 5), images(240, 3, 5, 1), images(50, 3, 5, 2));
  expect(found.together).toBeLessThan(0.95 * found.readersAlone);
});

test('samples of one position each are divided as well', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 6]);
  const hidden = b.node('Tanh', [b.node('MatMul', [x, b.weight('a', [6, 16])])]);
  const y = b.node('MatMul', [hidden, b.weight('b', [16, 8])]);
  const model = onnxModel(b.output(y, [undefined, 8]).build());
  const rows = (samples: number, seed: number): CalibrationInputs => ({
    name: 'random',
    samples,
    async *batches() {
      yield { x: { shape: [samples, 6], data: randomValues(samples * 6, seed) } };
    },
  });
  const found = await errors(model, rows(600, 1), rows(100, 2));
  expect(found.together).toBeLessThan(0.9 * found.readersAlone);
});

test('too few samples for the weights leave the makers as they are', async () => {
  const found = await errors(convolutions('Relu'), images(6, 3, 6, 1), images(100, 3, 50, 2));
  expect(found.changed).toBe(false);
  expect(found.together).toBe(found.readersAlone);
});

test('the same bytes, twice', async () => {
  const [one, two] = await Promise.all(
    [0, 1].map(async () =>
      compressModel(convolutions('Relu'), {
        reduce: 'neurons',
        ratio: 0.5,
        calibration: images(200, 3, 64, 1),
      }),
    ),
  );
  for (const layer of ['a', 'b'])
    expect(one!.model.features!.weights(layer)).toEqual(two!.model.features!.weights(layer));
});
