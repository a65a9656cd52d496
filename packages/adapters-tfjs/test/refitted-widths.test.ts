/** Layers that read a narrower width are refitted to what the original gives, convolutions at each position of their filters. */
import {
  type CalibrationInputs,
  compressModel,
  errorCurves,
  findWidths,
  type Model,
  portableEngine,
  Random,
} from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { expect, test } from 'vitest';
import { readersAlone } from '../../core/test/readers-alone.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';
import { artifactsOf, randomWeights, tfl } from './build-layers-model.js';

/** A curve leaves some samples out and has a ridge of its own; exchanges come on top of it. */
const CURVE = 0.2;

function inputsOf({ inputs: [input] }: Model, seed: number): CalibrationInputs {
  const random = new Random(seed);
  const shape = input!.shape.map((size) => size ?? 400);
  const size = shape.reduce((all, length) => all * length, 1);
  const x = { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
  return {
    name: 'random',
    samples: 400,
    async *batches() {
      yield { [input!.name]: x };
    },
  };
}

type Padding = 'same' | 'valid';

async function layersModel(strides: number, dilationRate: number, padding: Padding): Promise<Model> {
  const model = tfl.sequential();
  model.add(
    tfl.layers.conv2d({
      filters: 8,
      kernelSize: 3,
      padding: 'same',
      inputShape: [7, 6, 2],
      activation: 'relu',
    }),
  );
  model.add(tfl.layers.conv2d({ filters: 4, kernelSize: [2, 3], strides, dilationRate, padding }));
  return tfjsModel(await artifactsOf(randomWeights(model)));
}

function graphModel(strides: number, dilations: number, padding: Padding): Promise<Model> {
  const list = (values: readonly number[]) => ({ list: { i: values.map(String) } });
  const b = new GraphBuilder();
  const attr = (step: number, apart: number, pad: Padding) => ({
    strides: list([1, step, step, 1]),
    dilations: list([1, apart, apart, 1]),
    padding: { s: btoa(pad.toUpperCase()) },
    data_format: { s: btoa('NHWC') },
  });
  const x = b.input('x', [undefined, 7, 6, 2]);
  const made = b.node(
    'Conv2D',
    'made',
    [x, b.weight('a', [3, 3, 2, 8], randomValues(144, 3))],
    attr(1, 1, 'same'),
  );
  const read = b.node(
    'Conv2D',
    'read',
    [b.node('Relu', 'relu', [made]), b.weight('b', [2, 3, 8, 4], randomValues(192, 4))],
    attr(strides, dilations, padding),
  );
  return tfjsModel(b.output(read, [undefined, undefined, undefined, 4]).build());
}

test.each([
  { format: 'LayersModel', make: layersModel, strides: 1, dilations: 1, padding: 'same' },
  { format: 'LayersModel', make: layersModel, strides: 2, dilations: 1, padding: 'valid' },
  { format: 'LayersModel', make: layersModel, strides: 1, dilations: 2, padding: 'valid' },
  { format: 'GraphModel', make: graphModel, strides: 2, dilations: 1, padding: 'same' },
  { format: 'GraphModel', make: graphModel, strides: 1, dilations: 2, padding: 'valid' },
] as const)(
  '$format: filters see what the model sees, strides $strides, dilations $dilations, $padding',
  async ({ make, strides, dilations, padding }) => {
    const model = await make(strides, dilations, padding);
    const [width] = findWidths(model.graph).widths;
    const reader = model.graph.layers.find(({ name }) => name === width!.consumers[0]);
    expect(reader!.window).toEqual({
      kernel: [2, 3],
      strides: [strides, strides],
      dilations: [dilations, dilations],
      pads:
        padding === 'same'
          ? 'same-upper'
          : [
              [0, 0],
              [0, 0],
            ],
      channels: 'last',
    });
    // Moments are of what the model computes: weights refitted on other patches would miss what the curve promises.
    const inputs = inputsOf(model, 1);
    const curve = (await errorCurves(model, [width!], inputs, { engine: portableEngine })).get(width!.name)!;
    for (const gone of [2, 5]) {
      const options = { ratio: gone / width!.size, reduce: 'neurons' } as const;
      const refitted = await compressModel(readersAlone(model), { ...options, calibration: inputs });
      const { outputError } = await outputFidelity(model, refitted.model, inputs);
      expect(Math.abs(outputError! / curve[gone]! - 1)).toBeLessThan(CURVE);
      const merged = await compressModel(model, { ...options, calibration: 'none' });
      const before = await outputFidelity(model, merged.model, inputs);
      expect(outputError!).toBeLessThan(before.outputError!);
    }
  },
);
