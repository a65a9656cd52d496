/**
 * Norm folding on the embedded AlexNet: folding the columns' norms into the previous layer changes nothing but rounding,
 * and costs neither a node nor a byte.
 */
import { onnxBytes } from '@spherize/adapters-onnx';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
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
import { consecutive } from '@spherize/core/evaluation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeModel } from '../../../../packages/adapters-onnx/src/proto/decode-model.js';
import { openDataset } from '../../src/data/open-dataset.js';
import { openModel } from '../../src/plugins/model-formats.js';

/** Test images that both forms are run on. */
const IMAGES = 64;
/** Sums of a few thousand float32 products in another order differ by less than this share of the largest output. */
const ROUNDING = 1e-5;
const RATIO = 0.75;
const LAYERS = ['fc6', 'fc7', 'fc8'];

const engine = onnxRuntimeEngine();
/** The fully connected end of the model, and what reaches it. */
let tail: Model;
let activations: Record<string, Tensor>;
/** The layers compressed at ρ = 0.75, and at ρ = 0. */
const narrowed = new Map<string, CompressedLayer>();
const whole = new Map<string, CompressedLayer>();
/** The same clusters as `narrowed` without scales. */
let unscaled: Map<string, CompressedLayer>;
/** Nodes and bytes of the folded file, found once. */
let found: { nodes: number; bytes: number } | undefined;
const foldedSize = (): { nodes: number; bytes: number } => (found ??= sizeOf(narrowed));

beforeAll(async () => {
  const { model } = await openModel('alexnet-fashion');
  const parts = model.split(LAYERS, []);
  tail = parts.tail;
  const input = model.inputs[0]!.name;
  const data = await openDataset('fashion-mnist', { input, sampleShape: [1, 28, 28], limit: IMAGES });
  const { inputs } = await data.batch(consecutive(0, IMAGES));
  activations = await run(parts.head!, inputs);
  for (const layer of selectLayers(tail, LAYERS)) {
    if (layer.name !== 'fc8') {
      const weights = tail.weights(layer.name);
      narrowed.set(layer.name, dealtOut(weights, weights.cols * (1 - RATIO)));
      whole.set(layer.name, dealtOut(weights, weights.cols));
      continue;
    }
    const prepared = await prepareLayer(tail, layer, 0, engine);
    narrowed.set(
      layer.name,
      await clusterLayer(prepared, withOptions(spherical, { algorithm: 'lloyd' }), RATIO),
    );
    whole.set(layer.name, await clusterLayer(prepared, spherical, 0));
  }
  unscaled = scaledByOne(narrowed);
}, 120_000);
afterAll(() => engine.release());

test('folded and explicit scales give the same outputs', async () => {
  const folded = planRewrite(tail, narrowed);
  const explicit = planRewrite(tail, narrowed, { folding: 'explicit' });
  expect([...folded.folds].map(([layer, { scaleInto }]) => [layer, scaleInto])).toEqual([
    // Each filter of the last convolution feeds 36 columns of fc6: its scales stay explicit in both forms.
    ['fc6', null],
    ['fc7', 'fc6'],
    ['fc8', 'fc7'],
  ]);
  expect([...explicit.folds.values()].every(({ scaleInto }) => scaleInto === null)).toBe(true);
  const expected = await outputsOf(tail.rewrite(explicit.rewrite));
  expect(differenceOf(await outputsOf(tail.rewrite(folded.rewrite)), expected)).toBeLessThanOrEqual(ROUNDING);
});

test('folded scales cost neither nodes nor bytes over the same clusters without scales', () => {
  const layers = ['fc7', 'fc8'];
  const withScales = sizeOf(only(narrowed, layers));
  const withoutScales = sizeOf(only(unscaled, layers));
  expect(withScales).toEqual(withoutScales);
});

test('scales that cannot fold cost one node and a number per column', () => {
  const withScales = foldedSize();
  const withoutScales = sizeOf(unscaled);
  expect(withScales.nodes).toBe(withoutScales.nodes + 1);
  const numbers = 4 * narrowed.get('fc6')!.scales.length;
  expect(withScales.bytes - withoutScales.bytes).toBeGreaterThan(numbers * 0.99);
  expect(withScales.bytes - withoutScales.bytes).toBeLessThan(numbers * 1.01);
});

test('the folded model is smaller than the explicit one', () => {
  const folded = foldedSize();
  const explicit = sizeOf(narrowed, 'explicit');
  expect(folded.nodes).toBeLessThan(explicit.nodes);
  expect(folded.bytes).toBeLessThan(explicit.bytes);
});

test('ρ = 0 gives the original outputs', async () => {
  const expected = await outputsOf(tail);
  const rewritten = tail.rewrite(planRewrite(tail, whole).rewrite);
  expect(differenceOf(await outputsOf(rewritten), expected)).toBeLessThanOrEqual(ROUNDING);
});

/** Column j in cluster j mod k, scaled by its norm: what the clusters of fc6 and fc7 are matters to no test here, and finding them takes long. */
function dealtOut(weights: DenseMatrix, k: number): CompressedLayer {
  const { rows, cols, data } = weights;
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) squares[j] = squares[j]! + data[i * cols + j]! ** 2;
  const scales = Float32Array.from(squares, (square) => Math.sqrt(square) || 1);
  const centroids = denseMatrix(rows, k);
  for (let i = 0; i < rows; i++)
    for (let c = 0; c < k; c++) centroids.data[i * k + c] = data[i * cols + c]! / scales[c]!;
  return { assignment: Int32Array.from({ length: cols }, (_, j) => j % k), scales, centroids };
}

async function run(model: Model, inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await model.session();
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

async function outputsOf(model: Model): Promise<Float32Array> {
  const { data, shape } = (await run(model, activations))[model.outputs[0]!.name]!;
  expect(shape).toEqual([IMAGES, 10]);
  return Float32Array.from(data);
}

/** `max |a − b| / max |b|`. */
function differenceOf(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let largest = 0;
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - actual[i]!));
    largest = Math.max(largest, Math.abs(value));
  });
  expect(largest).toBeGreaterThan(0);
  return difference / largest;
}

/** Nodes and bytes of the file that a rewrite becomes. */
function sizeOf(
  compressed: ReadonlyMap<string, CompressedLayer>,
  folding: 'fold' | 'explicit' = 'fold',
): { nodes: number; bytes: number } {
  const file = onnxBytes(tail.rewrite(planRewrite(tail, compressed, { folding }).rewrite));
  return { nodes: decodeModel(file, 'model.onnx').graph!.node.length, bytes: file.length };
}

function only(
  compressed: ReadonlyMap<string, CompressedLayer>,
  names: readonly string[],
): Map<string, CompressedLayer> {
  return new Map([...compressed].filter(([name]) => names.includes(name)));
}

/** The same clusters in the form that k-means gives them. */
function scaledByOne(compressed: ReadonlyMap<string, CompressedLayer>): Map<string, CompressedLayer> {
  return new Map(
    [...compressed].map(([name, layer]) => [
      name,
      { ...layer, scales: new Float32Array(layer.scales.length).fill(1) },
    ]),
  );
}
