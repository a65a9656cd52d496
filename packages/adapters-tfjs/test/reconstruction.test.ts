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

/** expand → relu6 → depthwise → relu6 → project, as MobileNets do. */
async function invertedLayers(): Promise<Model> {
  const model = tfl.sequential();
  const relu6 = { activation: 'relu6' } as const;
  const filtered = { ...relu6, kernelSize: 3, strides: 2, padding: 'same' } as const;
  model.add(tfl.layers.conv2d({ ...relu6, kernelSize: 1, filters: 16, inputShape: [8, 8, 3] }));
  model.add(tfl.layers.depthwiseConv2d({ ...filtered, depthwiseInitializer: 'randomNormal' }));
  model.add(tfl.layers.conv2d({ kernelSize: 1, filters: 6 }));
  return tfjsModel(await artifactsOf(randomWeights(model)));
}

function invertedGraph(fused: boolean): Promise<Model> {
  const b = new GraphBuilder();
  const list = (step: string) => ({ list: { i: ['1', step, step, '1'] } });
  const attr = { dilations: list('1'), padding: { s: btoa('SAME') }, data_format: { s: btoa('NHWC') } };
  const [one, two] = [
    { ...attr, strides: list('1') },
    { ...attr, strides: list('2') },
  ];
  const x = b.input('x', [undefined, 8, 8, 3]);
  const expanding = [x, b.weight('first/kernel', [1, 1, 3, 16]), b.weight('first/bias', [16])];
  const first = b.fused('_FusedConv2D', 'first', expanding, ['BiasAdd', 'Relu'], one);
  const filters = b.weight('filters/kernel', [3, 3, 16, 1]);
  const filtered = fused
    ? b.fused(
        'FusedDepthwiseConv2dNative',
        'filters',
        [first, filters, b.weight('filters/bias', [16])],
        ['BiasAdd', 'Relu'],
        two,
      )
    : b.node('Relu', 'cut', [b.node('DepthwiseConv2dNative', 'filters', [first, filters], two)]);
  const last = b.node('Conv2D', 'second', [filtered, b.weight('second/kernel', [1, 1, 16, 6])], one);
  return tfjsModel(b.output(last, [undefined, 4, 4, 6]).build());
}

test.each([
  ['layers', invertedLayers],
  ['nodes', () => invertedGraph(false)],
  ['fused nodes', () => invertedGraph(true)],
])('through a depthwise convolution: %s', async (_, build) => {
  const model = await build();
  const calibration = signals(model, 600, 1);
  const halved = async (of: Model): Promise<Model> =>
    (await compressModel(of, { reduce: 'neurons', ratio: 0.75, calibration })).model;
  const [together, alone] = [await halved(model), await halved(readersAlone(model))];
  const errorOf = async (of: Model): Promise<number> =>
    (await outputFidelity(model, of, signals(model, 60, 2))).outputError!;
  const maker = ({ features, graph }: Model): Float32Array =>
    features!.weights(graph.layers[0]!.name).weights.data;
  expect(maker(together)).not.toEqual(maker(alone));
  expect(await errorOf(together)).toBeLessThan(await errorOf(alone));
});

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
