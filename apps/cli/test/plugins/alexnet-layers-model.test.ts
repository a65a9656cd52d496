/** The embedded AlexNet in TensorFlow.js against the same one in ONNX: same clusters, same outputs, same accuracy. */
import { readFile } from 'node:fs/promises';
import { onnxModel, onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import {
  type CompressedLayer,
  clusterLayer,
  type DenseMatrix,
  denseMatrix,
  type Model,
  planRewrite,
  prepareLayer,
  selectLayers,
  spherical,
  type Tensor,
  withOptions,
} from '@spherize/core';
import { AccuracyCount } from '@spherize/core/evaluation';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.js';
import { embeddedModelPath } from '../../src/embedded/embedded-model.js';
import { alexnetLayersModel } from '../../src/plugins/alexnet-layers-model.js';
import { samplesOf } from '../data/data-files.js';

const IMAGES = 16;
const RATIO = 0.75;
/** Largest difference of an output; logits reach about 20. */
const TOLERANCE = 1e-4;
/** The quicker of its algorithms. */
const CLUSTERER = withOptions(spherical, { algorithm: 'lloyd' });

const bytes = await readFile(await embeddedModelPath('alexnet-fashion'));
const models = { onnx: onnxModel(bytes), tfjs: await alexnetLayersModel(bytes) };
const data = await openDataset('fashion-mnist', { sampleShape: [1, 28, 28], limit: IMAGES });
const { inputs: images, labels } = await samplesOf(data, 0, IMAGES);

async function outputsOf(model: Model): Promise<Tensor> {
  const [input] = model.inputs;
  const session = await model.session();
  const shape = [IMAGES, ...input!.shape.slice(1).map((size) => size!)];
  const outputs = await session.run({ [input!.name]: { shape, data: images } });
  await session.release();
  return outputs[model.outputs[0]!.name]!;
}

function expectSame(tfjs: Tensor, onnx: Tensor): void {
  let difference = 0;
  onnx.data.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - tfjs.data[i]!));
  });
  expect(difference).toBeLessThan(TOLERANCE);
  // Within 0.1 point: of 16 images not one may be classified otherwise.
  expect(accuracy(tfjs)).toBe(accuracy(onnx));
}

function accuracy(logits: Tensor): number {
  const count = new AccuracyCount();
  count.add(logits, labels);
  return count.top1;
}

/** Every k-th column is in one cluster: what the clusters are does not matter where the outputs of the two formats are compared. */
function dealtOut(weights: DenseMatrix, k: number): CompressedLayer {
  const centroids = denseMatrix(weights.rows, k);
  for (let i = 0; i < weights.rows; i++) {
    for (let c = 0; c < k; c++) centroids.data[i * k + c] = weights.data[i * weights.cols + c]!;
  }
  return {
    assignment: Int32Array.from({ length: weights.cols }, (_, j) => j % k),
    scales: Float32Array.from({ length: weights.cols }, (_, j) => 0.5 + (j % 5) / 4),
    centroids,
  };
}

test('has the same weights, column for column', () => {
  expect(models.tfjs.layers.map(({ name, outputs, inputs }) => ({ name, outputs, inputs }))).toEqual(
    models.onnx.layers.map(({ name, outputs, inputs }) => ({ name, outputs, inputs })),
  );
  for (const { name } of models.onnx.layers) {
    const [own, other] = [models.tfjs.weights(name).data, models.onnx.weights(name).data];
    expect(
      Buffer.compare(
        Buffer.from(own.buffer, own.byteOffset, own.byteLength),
        Buffer.from(other.buffer, other.byteOffset, other.byteLength),
      ),
      name,
    ).toBe(0);
  }
});

test('gives the same outputs and accuracy', async () => {
  expectSame(await outputsOf(models.tfjs), await outputsOf(models.onnx));
});

test('is compressed to the same assignments, outputs and accuracy', async () => {
  const engine = onnxRuntimeEngine();
  const compress = async (model: Model): Promise<Map<string, CompressedLayer>> => {
    const [fc6, fc7, fc8] = selectLayers(model);
    const prepared = await prepareLayer(model, fc7!, 0, engine);
    const clustered = await clusterLayer(prepared, CLUSTERER, RATIO, { seed: 0 });
    return new Map([
      ...[fc6!, fc8!].map(({ name, inputs }) => [name, dealtOut(model.weights(name), inputs / 4)] as const),
      [fc7!.name, clustered],
    ]);
  };
  const [tfjs, onnx] = [await compress(models.tfjs), await compress(models.onnx)];
  await engine.release();
  expect(tfjs.get('fc7')!.assignment).toEqual(onnx.get('fc7')!.assignment);
  const rewritten = (model: Model, layers: Map<string, CompressedLayer>) =>
    outputsOf(model.rewrite(planRewrite(model, layers).rewrite));
  expectSame(await rewritten(models.tfjs, tfjs), await rewritten(models.onnx, onnx));
});
