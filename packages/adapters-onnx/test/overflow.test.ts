/** Weights of coarse types stay numbers, whatever folds into them. */
import { compressModel, denseMatrix, portableEngine, spherical } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';
import { expectClose, run } from './running.js';

/** Sums of float16 products. */
const HALF_SUMS = 5e-3;
const X = { x: { shape: [1, 4], data: Float32Array.of(1, 2, 3, 4).map((value) => value * 1e-3) } };

/** Two layers in a type; columns of the second come in two directions, with norms around `norm`. */
function model(type: number, norm: number) {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 4], type);
  const rows = Float32Array.from({ length: 24 }, (_, i) => 900 + 10 * i);
  const first = b.node('Gemm', [x, b.weight('first.weight', [6, 4], rows, type)], { transB: 1 });
  const columns = Float32Array.from({ length: 18 }, (_, i) => {
    const [row, column] = [Math.floor(i / 6), i % 6];
    return row === 2 ? 0 : row === column % 2 ? norm * (1 + column / 8) : 0;
  });
  const second = b.weight('second.weight', [3, 6], columns, type);
  b.node('Gemm', [b.node('Relu', [first]), second], { transB: 1 }, ['y']);
  return onnxModel(b.output('y', [undefined, 3], type).build());
}

const options = { clusterer: spherical, engine: portableEngine, ratio: new Map([['second', 0.6]]) };

test('factors that would make float16 rows infinite stay explicit, with the reason', async () => {
  const original = model(DataType.FLOAT16, 200);
  const { model: smaller, layers } = await compressModel(original, options);
  expect(layers.map(({ folded, fold }) => [folded, fold.reason])).toEqual([
    [
      false,
      "the factors stay explicit: they would not fit into the type of first's weights; the order folds into first",
    ],
  ]);
  expect(smaller.weights('first').data.every(Number.isFinite)).toBe(true);
  expectClose((await run(smaller, X)).y, (await run(original, X)).y, HALF_SUMS);
});

test.each([
  ['float16 rows that hold them', DataType.FLOAT16, 2],
  ['float32 rows', DataType.FLOAT, 200],
])('the factors fold into %s', async (_, type, norm) => {
  const original = model(type, norm);
  const { model: smaller, layers } = await compressModel(original, options);
  expect(layers.map(({ fold }) => fold.scaleInto)).toEqual(['first']);
  expectClose((await run(smaller, X)).y, (await run(original, X)).y, HALF_SUMS);
});

/** As `model`, with small rows in the first layer: of 1e-4, which float16 has with ten bits, and columns of norm `norm` in two directions. */
function small(type: number, norm: number, twice = false) {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 4], type);
  const rows = Float32Array.from({ length: 24 }, (_, i) => 1e-4 * (1 + i / 40));
  const first = b.node('Gemm', [x, b.weight('first.weight', [6, 4], rows, type)], { transB: 1 });
  const columns = Float32Array.from({ length: 18 }, (_, i) =>
    Math.floor(i / 6) === i % 2 || (twice && Math.floor(i / 6) === 2) ? norm * (1 + (i % 6) / 8) : 0,
  );
  const second = b.weight('second.weight', [3, 6], columns, type);
  b.node('Gemm', [b.node('Relu', [first]), second], { transB: 1 }, ['y']);
  return onnxModel(b.output('y', [undefined, 3], type).build());
}
const LARGE = { x: { shape: [1, 4], data: Float32Array.of(1, 2, 3, 4).map((value) => value * 1e4) } };

test('factors in which float16 rows would vanish stay explicit, with the reason', async () => {
  const original = small(DataType.FLOAT16, 2e-4);
  const { model: smaller, layers, proof } = await compressModel(original, options);
  expect(layers.map(({ fold }) => [fold.scaleInto, fold.reason])).toEqual([
    [
      null,
      'the factors stay explicit: they would make weights of first too small for their type; the order folds into first',
    ],
  ]);
  expect(proof).not.toHaveProperty('vanishing');
  expect(smaller.weights('first').data.every((value) => value > 5e-5)).toBe(true);
  expectClose((await run(smaller, LARGE)).y, (await run(original, LARGE)).y, HALF_SUMS);
});

test.each([
  ['float16 rows in which nothing is lost', DataType.FLOAT16, 0.1],
  ['small float32 rows', DataType.FLOAT, 2e-4],
])('the factors fold into %s', async (_, type, norm) => {
  const { layers } = await compressModel(small(type, norm), options);
  expect(layers.map(({ fold }) => fold.scaleInto)).toEqual(['first']);
});

test('what vanishes all the same is not verified without saying so', async () => {
  // A step of float16 or a few in two places of every column: their norms, which are the factors, lie between the steps.
  const original = small(DataType.FLOAT16, 2 ** -24, true);
  const { proof, layers } = await compressModel(original, options);
  expect(layers.map(({ fold }) => fold.scaleInto)).toEqual([null]);
  expect(proof).toMatchObject({ vanishing: ['second'] });
});

test('infinite weights are neither run nor written', async () => {
  const original = model(DataType.FLOAT16, 2);
  const weights = denseMatrix(3, 6, new Float32Array(18).fill(70000));
  const infinite = original.rewrite({
    layers: [{ layer: 'second', weights, bias: null, input: null }],
    features: [],
  });
  const refusal = expect.objectContaining({
    code: 'UNSUPPORTED',
    message:
      'second: its new weights are too large for the type that stores them; leave the layer out, or convert the model to float32',
  });
  await expect(infinite.session()).rejects.toEqual(refusal);
  await expect(infinite.write('never.onnx')).rejects.toEqual(refusal);
});
