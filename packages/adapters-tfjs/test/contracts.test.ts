import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matrixEngineContract, modelFormatContract } from '@spherize/core/testing';
import type { io } from '@tensorflow/tfjs-core';
import { afterAll, describe, test } from 'vitest';
import { tfjsEngine, tfjsFormat } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tfl } from './build-layers-model.js';

const folder = await temporaryFolder();
const broken = join(folder, 'broken.json');
await writeFile(broken, '{"not": "a model"}');

/** Models whose layers stand in different surroundings; the first one, and the first graph, have weights worth storing in other types. */
const models: Readonly<Record<string, () => tfl.LayersModel>> = {
  'a Sequential model': () =>
    tfl.sequential({
      layers: [
        tfl.layers.dense({ inputShape: [48], units: 24, activation: 'relu' }),
        tfl.layers.dense({ units: 30, activation: 'sigmoid' }),
        tfl.layers.dropout({ rate: 0.5 }),
        tfl.layers.dense({ units: 20, useBias: false }),
        tfl.layers.leakyReLU(),
        tfl.layers.dense({ units: 5, activation: 'softmax' }),
      ],
    }),
  'a model with linear layers in a row': () =>
    tfl.sequential({
      layers: [
        tfl.layers.dense({ inputShape: [4, 8], units: 24 }),
        tfl.layers.averagePooling1d({ poolSize: 2 }),
        tfl.layers.dense({ units: 12 }),
        tfl.layers.globalAveragePooling1d(),
        tfl.layers.reshape({ targetShape: [12] }),
        tfl.layers.dense({ units: 5 }),
      ],
    }),
  'a convolutional model': () =>
    tfl.sequential({
      layers: [
        tfl.layers.conv2d({ inputShape: [6, 6, 2], filters: 12, kernelSize: 3, activation: 'relu' }),
        tfl.layers.maxPooling2d({ poolSize: 2 }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 18 }),
        tfl.layers.batchNormalization(),
        tfl.layers.prelu(),
        tfl.layers.dense({ units: 4 }),
      ],
    }),
};

/** Graphs as the converter writes them: fused and plain products, both ways round, with everything that may stand between. */
const graphs: Readonly<Record<string, () => io.ModelArtifacts>> = {
  'a graph of fused nodes': () => {
    const b = new GraphBuilder();
    const x = b.input('x', [undefined, 48]);
    const relu = [x, b.weight('model/fc1/MatMul/ReadVariableOp', [48, 24]), b.weight('fc1/bias', [24])];
    const first = b.fused('_FusedMatMul', 'model/fc1/Relu', relu, ['BiasAdd', 'Relu']);
    const prelu = [
      first,
      b.weight('fc2/kernel', [18, 24]),
      b.weight('fc2/bias', [18]),
      b.weight('slopes', [18]),
    ];
    const second = b.fused('_FusedMatMul', 'fc2', prelu, ['BiasAdd', 'Prelu'], { transpose_b: { b: true } });
    const sigmoid = [second, b.weight('fc3/kernel', [18, 10]), b.weight('fc3/bias', [10])];
    const third = b.fused('_FusedMatMul', 'fc3', sigmoid, ['BiasAdd', 'Sigmoid']);
    b.fused('_FusedMatMul', 'y', [third, b.weight('fc4/kernel', [10, 5])], []);
    return b.output('y', [undefined, 5]).build();
  },
  'a graph of products in a row': () => {
    const b = new GraphBuilder();
    const x = b.input('x', [undefined, 8]);
    const first = [x, b.weight('fc1/kernel', [8, 24]), b.weight('fc1/bias', [24])];
    const product = b.fused('_FusedMatMul', 'fc1', first, ['BiasAdd']);
    const shifted = b.node('AddV2', 'shift', [b.node('Neg', 'minus', [product]), b.weight('beta', [24])]);
    const flat = b.node('Reshape', 'flat', [shifted, b.integers('flat/shape', [-1, 24])]);
    const second = b.node('MatMul', 'fc2', [flat, b.weight('fc2/kernel', [24, 10])]);
    const y = b.node('MatMul', 'y', [second, b.weight('fc3/kernel', [10, 5])]);
    return b.output(y, [undefined, 5]).build();
  },
  'a graph of plain nodes': () => {
    const b = new GraphBuilder();
    const nhwc = { data_format: { s: btoa('NHWC') } };
    const window = { strides: { list: { i: ['1', '1', '1', '1'] } }, padding: { s: btoa('SAME') } };
    const x = b.input('x', [undefined, 4, 4, 2]);
    const conv = b.fused(
      '_FusedConv2D',
      'conv',
      [x, b.weight('conv/kernel', [3, 3, 2, 12]), b.weight('conv/bias', [12])],
      ['BiasAdd', 'Relu'],
      { ...nhwc, ...window, dilations: { list: { i: ['1', '1', '1', '1'] } } },
    );
    const mean = b.node('Mean', 'pool', [conv, b.integers('axes', [1, 2])], { keep_dims: { b: false } });
    const held = b.node('Identity', 'fc1/read', [b.weight('fc1/weight', [12, 20])]);
    const product = b.node('MatMul', 'fc1/MatMul', [mean, held]);
    const sum = b.node('BiasAdd', 'fc1/BiasAdd', [product, b.weight('fc1/bias', [20])]);
    const scaled = b.node('Mul', 'scale', [sum, b.weight('scale/value', [20])]);
    const shifted = b.node('AddV2', 'shift', [scaled, b.weight('shift/value', [1, 20])]);
    const flat = b.node('Reshape', 'flat', [
      b.node('LeakyRelu', 'leaky', [shifted], { alpha: { f: 0.1 } }),
      b.integers('flat/shape', [-1, 20]),
    ]);
    const last = b.node('MatMul', 'fc2/MatMul', [flat, b.weight('fc2/weight', [6, 20])], {
      transpose_b: { b: true },
    });
    return b.output(b.node('Softmax', 'y', [last]), [undefined, 6]).build();
  },
};

afterAll(() => rm(folder, { recursive: true }));

const artifacts: [string, io.ModelArtifacts][] = [
  ...Object.entries(graphs).map(([what, build]): [string, io.ModelArtifacts] => [what, build()]),
];
for (const [what, build] of Object.entries(models)) {
  artifacts.push([what, await artifactsOf(randomWeights(build()))]);
}
for (const [what, saved] of artifacts) {
  const name = what.replaceAll(' ', '-');
  const model = await saveModel(saved, folder, { name });
  const sample = { model, broken, output: join(folder, `${name}-written.json`) };
  describe(`tfjsFormat keeps the contract of model formats: ${what}`, () => {
    for (const { name, run } of modelFormatContract(tfjsFormat, sample)) test(name, run);
  });
}

describe('tfjsEngine keeps the contract of matrix engines', async () => {
  for (const { name, run } of matrixEngineContract(await tfjsEngine())) test(name, run);
});
