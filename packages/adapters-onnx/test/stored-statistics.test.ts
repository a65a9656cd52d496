/** What BatchNormalizations hold of what they read, and images that are made up to match it. */
import { type CalibrationInputs, evolvedInputs, type Model, type StoredStatistics } from '@spherize/core';
import { modelFormatContract } from '@spherize/core/testing';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { type AttributeValue, ModelBuilder } from './build-model.js';
import { run } from './running.js';

const MEAN = Float32Array.of(0.1, 0.2, 0.3, 0.4);
const VARIANCE = Float32Array.of(1, 2, 0.5, 0.25);

/** A convolution, its normalisation, and another one of what a pooling and a product give. */
function network(
  attributes: Readonly<Record<string, AttributeValue>> = {},
  change: (b: ModelBuilder, variance: string) => string = (_, variance) => variance,
): Model {
  const b = new ModelBuilder(15);
  const x = b.input('x', [undefined, 3, 8, 8]);
  b.node('Conv', [x, b.weight('filters', [4, 3, 3, 3])], {}, ['channels']);
  const gamma = [b.weight('gamma', [4]), b.weight('beta', [4])];
  const mean = b.weight('mean', [4], MEAN);
  const stored = [mean, change(b, b.weight('variance', [4], VARIANCE))];
  const normal = b.node('BatchNormalization', ['channels', ...gamma, ...stored], attributes);
  const pooled = b.node('Flatten', [b.node('GlobalAveragePool', [b.node('Relu', [normal])])]);
  b.node('MatMul', [pooled, b.weight('weights', [4, 2])], {}, ['features']);
  const vectors = ['gamma2', 'beta2', 'mean2'].map((name) => b.weight(name, [2], Float32Array.of(1, 2)));
  const spread = b.weight('variance2', [2], Float32Array.of(0.5, 4));
  const last = b.node('BatchNormalization', ['features', ...vectors, spread]);
  b.node('Identity', [last], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 2]).build());
}

/** The network with other statistics. */
function networkWith(statistics: readonly StoredStatistics[]): Model {
  const model = network();
  return Object.defineProperty(model, 'features', { value: { ...model.features!, statistics } });
}

const tensors = ({ features }: Model): string[] => features!.statistics!.map(({ tensor }) => tensor);

describe('statistics', () => {
  test('are the mean and variance of each channel, of the tensor that is normalised', () => {
    expect(network().features!.statistics).toEqual([
      { tensor: 'channels', axis: -3, mean: MEAN, variance: VARIANCE },
      { tensor: 'features', axis: -1, mean: Float32Array.of(1, 2), variance: Float32Array.of(0.5, 4) },
    ]);
  });

  test('are found through an Identity, and in float16', () => {
    expect(tensors(network({}, (b, variance) => b.node('Identity', [variance])))).toContain('channels');
    const b = new ModelBuilder(15);
    const vectors = [1, 2, 3, 0.5].map((value, i) =>
      b.weight(`vector${i}`, [2], Float32Array.of(value, 2 * value), DataType.FLOAT16),
    );
    b.node('BatchNormalization', [b.input('x', [undefined, 2], DataType.FLOAT16), ...vectors], {}, ['y']);
    const { features } = onnxModel(b.output('y', [undefined, 2], DataType.FLOAT16).build());
    const [mean, variance] = [Float32Array.of(3, 6), Float32Array.of(0.5, 1)];
    expect(features!.statistics).toEqual([{ tensor: 'x', axis: -1, mean, variance }]);
  });

  test('are none where a batch is normalised by its own, or by what is computed', () => {
    expect(tensors(network({ training_mode: 1 }))).toEqual(['features']);
    const computed = (b: ModelBuilder) =>
      b.node('Abs', [b.node('ReduceMean', ['channels'], { axes: [0, 2, 3], keepdims: 0 })]);
    expect(tensors(network({}, computed))).toEqual(['features']);
  });

  test('of another axis break the contract of formats', async () => {
    const turned = network().features!.statistics!.map((stored) => ({ ...stored, axis: -2 }));
    const wrong = { read: async () => ({ model: networkWith(turned), bytes: 0 }) };
    const sample = { model: '', broken: '', output: '' };
    const check = modelFormatContract(wrong as never, sample).find(({ name }) => name.startsWith('holds'));
    await expect(check!.run()).rejects.toThrow(/^channels: means and variances/);
  });
});

/** By how much the means of each stored channel are off, in standard deviations, squared and summed. */
async function mismatch(model: Model, inputs: CalibrationInputs, stored: StoredStatistics): Promise<number> {
  const channels = stored.mean.length;
  const sums = new Float64Array(channels);
  let places = 0;
  for await (const feeds of inputs.batches()) {
    const { shape, data } = (await run(model.features!.observe([stored.tensor]), feeds))[stored.tensor]!;
    const inner = shape[2]! * shape[3]!;
    data.forEach((value, at) => {
      sums[Math.floor(at / inner) % channels]! += value;
    });
    places += data.length / channels;
  }
  return sums.reduce((sum, own, c) => sum + (own / places - stored.mean[c]!) ** 2 / stored.variance[c]!, 0);
}

test('images match them better than those of a model that stores none', async () => {
  const model = network();
  const evolved = (own: Model) => evolvedInputs(own, own.inputs, { samples: 40 });
  const [stored] = model.features!.statistics!;
  const before = await mismatch(model, evolved(networkWith([])), stored!);
  expect(await mismatch(model, evolved(model), stored!)).toBeLessThan(0.9 * before);
});
