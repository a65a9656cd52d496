/** Blocks are reconstructed where activations are part of a layer, or fused with it: makers and readers of a width are fitted together. */
import { type CalibrationInputs, compressModel, type Model, Random } from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { expect, test } from 'vitest';
import { readersAlone } from '../../core/test/readers-alone.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, tfl } from './build-layers-model.js';

function signals({ inputs: [input] }: Model, samples: number, seed: number): CalibrationInputs {
  const random = new Random(seed);
  const shape = [samples, ...input!.shape.slice(1).map((size) => size!)];
  const size = shape.reduce((all, length) => all * length, 1);
  const x = { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
  return {
    name: 'random',
    samples,
    async *batches() {
      yield { [input!.name]: x };
    },
  };
}

async function layersModel(): Promise<Model> {
  const model = tfl.sequential();
  const same = { kernelSize: 3, padding: 'same' } as const;
  model.add(tfl.layers.conv2d({ ...same, filters: 12, inputShape: [6, 6, 2], activation: 'tanh' }));
  model.add(tfl.layers.conv2d({ ...same, filters: 6 }));
  return tfjsModel(await artifactsOf(randomWeights(model)));
}

function graphModel(activation: string): Promise<Model> {
  const b = new GraphBuilder();
  const list = { list: { i: ['1', '1', '1', '1'] } };
  const attr = {
    strides: list,
    dilations: list,
    padding: { s: btoa('SAME') },
    data_format: { s: btoa('NHWC') },
  };
  const x = b.input('x', [undefined, 6, 6, 2]);
  const operands = [x, b.weight('first/kernel', [3, 3, 2, 12]), b.weight('first/bias', [12])];
  const slopes = activation === 'Prelu' ? [b.weight('first/slopes', [12])] : [];
  const leaky = activation === 'LeakyRelu' ? { leakyrelu_alpha: { f: 0.1 } } : {};
  const first = b.fused('_FusedConv2D', 'first', [...operands, ...slopes], ['BiasAdd', activation], {
    ...attr,
    ...leaky,
  });
  const kernel = b.weight('second/kernel', [3, 3, 12, 6]);
  const second = b.node('Conv2D', 'second', [first, kernel], attr);
  return tfjsModel(b.output(second, [undefined, 6, 6, 6]).build());
}

test.each([
  ['a layer with its activation', layersModel],
  ['a node with Relu fused', () => graphModel('Relu')],
  ['a node with LeakyRelu fused', () => graphModel('LeakyRelu')],
  ['a node with Prelu fused', () => graphModel('Prelu')],
])('%s: makers and readers together keep more than readers alone', async (_, build) => {
  const model = await build();
  const errorOf = async (of: Model): Promise<number> => {
    const calibration = signals(model, 600, 1);
    const { model: narrower } = await compressModel(of, { reduce: 'neurons', ratio: 0.5, calibration });
    return (await outputFidelity(model, narrower, signals(model, 100, 2))).outputError!;
  };
  const [together, alone] = [await errorOf(model), await errorOf(readersAlone(model))];
  expect(together).toBeLessThan(0.97 * alone);
});
