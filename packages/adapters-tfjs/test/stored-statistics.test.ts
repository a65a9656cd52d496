/** What batch normalisations hold of what they read. */
import type { Model } from '@spherize/core';
import { expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, tf, tfl } from './build-layers-model.js';

const MEAN = Float32Array.of(0.1, 0.2, 0.3);
const VARIANCE = Float32Array.of(1, 2, 0.5);

/** Runs what is observed for the statistics. */
async function expectFeatures(model: Model, sample: readonly number[], count: number): Promise<void> {
  const tensors = model.features!.statistics!.map(({ tensor }) => tensor);
  const session = await model.features!.observe(tensors).session();
  const shape = [2, ...sample];
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const found = await session.run({ [model.inputs[0]!.name]: { shape, data } });
  await session.release();
  expect(tensors.map((tensor) => found[tensor]!.shape.at(-1))).toEqual(new Array(count).fill(3));
}

test('those of BatchNormalization layers, of the last axis', async () => {
  const norm = (name: string, axis: number) => tfl.layers.batchNormalization({ name, axis });
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        inputShape: [5, 5, 1],
        filters: 3,
        kernelSize: 3,
        name: 'conv',
        activation: 'relu',
      }),
      norm('channels', -1),
      norm('rows', 1),
      norm('same', 3),
    ],
  });
  const vectors = [MEAN, VARIANCE].map((values) => tf.tensor1d(values));
  for (const layer of model.layers.slice(1)) layer.setWeights([tf.ones([3]), tf.zeros([3]), ...vectors]);
  const opened = await tfjsModel(await artifactsOf(model));
  const own = { axis: -1, mean: MEAN, variance: VARIANCE };
  expect(opened.features!.statistics).toEqual([
    { tensor: 'conv', ...own },
    { tensor: 'rows', ...own },
  ]);
  await expectFeatures(opened, [5, 5, 1], 2);
});

/** A normalisation of an image of three channels, and a second one behind it. */
function graph(format: string, attributes: Record<string, unknown>): Promise<Model> {
  const b = new GraphBuilder();
  const x = b.node('Relu', 'act', [b.input('x', [undefined, 3, 3, 3])]);
  const vectors = (name: string) => [
    ...['gamma', 'beta'].map((part) => b.weight(`${name}/${part}`, [3])),
    b.node('Identity', `${name}/read`, [b.weight(`${name}/mean`, [3], MEAN)]),
    b.weight(`${name}/variance`, [3], VARIANCE),
  ];
  const nhwc = { data_format: { s: btoa('NHWC') }, is_training: { b: false }, epsilon: { f: 1e-3 } };
  const first = { ...nhwc, data_format: { s: btoa(format) }, ...attributes };
  b.node('FusedBatchNormV3', 'norm', [x, ...vectors('first')], first);
  b.node('FusedBatchNorm', 'y', ['norm', ...vectors('second')], nhwc);
  return tfjsModel(b.output('y', [undefined, 3, 3, 3]).build());
}

test('those of FusedBatchNorm nodes of inference, of channels last', async () => {
  const own = { axis: -1, mean: MEAN, variance: VARIANCE };
  const model = await graph('NHWC', {});
  expect(model.features!.statistics).toEqual([
    { tensor: 'act', ...own },
    { tensor: 'norm', ...own },
  ]);
  await expectFeatures(model, [3, 3, 3], 2);
  const second = [{ tensor: 'norm', ...own }];
  expect((await graph('NHWC', { is_training: { b: true } })).features!.statistics).toEqual(second);
  expect((await graph('NCHW', {})).features!.statistics).toEqual(second);
});
