/** A model of bytes does on bytes what the same model of floats does on pixels in [0, 1], whatever is asked of it. */
import { onnxModel } from '@spherize/adapters-onnx/node';
import { tfjsModel } from '@spherize/adapters-tfjs/node';
import { compressModel, type Model, portableEngine, spherical } from '@spherize/core';
import { evaluateModel } from '@spherize/core/evaluation';
import { verifyRewrite } from '@spherize/core/proof';
import { beforeAll, describe, expect, test } from 'vitest';
import { ModelBuilder, randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { GraphBuilder } from '../../../../packages/adapters-tfjs/test/build-graph-model.js';
import { openCalibration } from '../../src/calibration/open-calibration.js';
import { openData } from '../../src/commands/shared-options.js';
import { idxBytes, temporaryFolder, write } from '../data/data-files.js';

const SAMPLES = 40;
const SIZE = 16;
const HIDDEN = 12;
const CLASSES = 4;

const fc1 = randomValues(SIZE * HIDDEN, 1);
const fc2 = randomValues(HIDDEN * CLASSES, 2);

/** pixels → (÷ 255 where they are bytes) → fc1 (12 × 16) → ReLU → fc2 (4 × 12). */
async function onnx(bytes: boolean): Promise<Model> {
  const b = new ModelBuilder();
  const flat = b.node('Flatten', [b.input('x', [undefined, 1, 4, 4], bytes ? 2 : 1)], { axis: 1 });
  const scaled = bytes
    ? b.node('Div', [b.node('Cast', [flat], { to: 1 }), b.constant('c', [1], Float32Array.of(255))])
    : flat;
  const hidden = b.node('Relu', [b.node('MatMul', [scaled, b.weight('fc1.weight', [SIZE, HIDDEN], fc1)])]);
  b.node('MatMul', [hidden, b.weight('fc2.weight', [HIDDEN, CLASSES], fc2)], {}, ['y']);
  return onnxModel(b.output('y', [undefined, CLASSES]).build());
}

async function tfjs(bytes: boolean): Promise<Model> {
  const b = new GraphBuilder();
  const dtype = bytes ? 'DT_UINT8' : 'DT_FLOAT';
  let x = b.input('x', [undefined, 4, 4, 1], dtype);
  if (bytes) {
    x = b.node('Cast', 'cast', [x], { SrcT: { type: dtype }, DstT: { type: 'DT_FLOAT' } });
    x = b.node('RealDiv', 'scaled', [x, b.weight('c', [1], Float32Array.of(255))]);
  }
  x = b.node('Reshape', 'flat', [x, b.integers('flat/shape', [-1, SIZE])]);
  const hidden = b.node('MatMul', 'fc1', [x, b.weight('fc1/kernel', [SIZE, HIDDEN], fc1)]);
  const relu = b.node('Relu', 'relu', [hidden]);
  b.node('MatMul', 'y', [relu, b.weight('fc2/kernel', [HIDDEN, CLASSES], fc2)]);
  return tfjsModel(b.output('y', [undefined, CLASSES]).build());
}

/** Images with the class that the model itself gives them, so that it is right on all of them. */
async function dataFor(folder: string, model: Model): Promise<string> {
  const pixels = Uint8Array.from(randomValues(SAMPLES * SIZE, 3), (value) => Math.floor(127.5 * (value + 1)));
  const session = await model.session();
  const shape = [SAMPLES, ...model.inputs[0]!.shape.slice(1).map((length) => length!)];
  const y = (await session.run({ x: { shape, data: Float32Array.from(pixels, (v) => v / 255) } })).y!.data;
  await session.release();
  const labels = Array.from({ length: SAMPLES }, (_, i) => {
    const scores = [...y.subarray(i * CLASSES, (i + 1) * CLASSES)];
    return scores.indexOf(Math.max(...scores));
  });
  const images = write(folder, 'images', idxBytes([SAMPLES, 4, 4], pixels));
  return `idx:${images},${write(folder, 'labels', idxBytes([SAMPLES], labels))}`;
}

describe.each([
  ['ONNX', onnx],
  ['TensorFlow.js', tfjs],
])('%s', (_, make) => {
  const folder = temporaryFolder();
  let spec: string;
  beforeAll(async () => {
    spec = await dataFor(folder, await make(false));
  });

  test.each([true, false])('evaluate: right on all, with bytes: %s', async (bytes) => {
    const model = await make(bytes);
    const data = await openData({ data: spec }, model);
    expect((await evaluateModel(model, data, { batch: 16 })).top1).toBe(1);
  });

  test.each([
    ['data', undefined],
    ['generated', 'generated'],
  ])('calibration on %s: the same errors before and after, and a proof', async (__, given) => {
    const calibrate = given ?? spec;
    const errors = await Promise.all(
      [true, false].map(async (bytes) => {
        const model = await make(bytes);
        const { inputs } = await openCalibration(model, { calibrate, calibrationSamples: 40, seed: 0 });
        const compression = await compressModel(model, {
          clusterer: spherical,
          engine: portableEngine,
          ratio: 0.5,
          calibration: inputs,
        });
        expect((await verifyRewrite(model, compression, { seed: 0 })).deviation).toBeLessThan(1e-5);
        return compression.layers.flatMap(({ calibration }) => [
          calibration!.errorBefore,
          calibration!.errorAfter,
        ]);
      }),
    );
    for (const [i, error] of errors[0]!.entries()) expect(error).toBeCloseTo(errors[1]![i]!, 5);
  });
});
