/** Weights behind DequantizeLinear, against onnxruntime's own reading of them. */
import { create } from '@bufbuild/protobuf';
import type { Model } from '@spherize/core';
import { TensorProto_DataType as DataType, TensorProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

const INPUTS = 6;
const OUTPUTS = 4;

interface Form {
  readonly type: keyof typeof DataType;
  /** Shape of scales and zero points. */
  readonly scales: readonly number[];
  readonly axis?: number;
  readonly block?: number;
  readonly zero?: boolean;
  readonly opset?: number;
  /** Whether the weights lie as `[outputs, inputs]`, read through a Transpose. */
  readonly transposed?: boolean;
}

const FORMS: Form[] = [
  { type: 'INT8', scales: [] },
  { type: 'UINT8', scales: [], zero: true, opset: 10 },
  { type: 'INT8', scales: [OUTPUTS], axis: 1, zero: true },
  { type: 'UINT8', scales: [INPUTS], axis: 0, zero: true },
  { type: 'INT8', scales: [OUTPUTS], axis: -2, transposed: true },
  { type: 'INT32', scales: [] },
  { type: 'INT8', scales: [3, OUTPUTS], axis: 0, block: 2, zero: true, opset: 21 },
  { type: 'UINT8', scales: [INPUTS, 2], axis: 1, block: 3, opset: 21 },
  { type: 'INT16', scales: [OUTPUTS], zero: true, opset: 21 },
  { type: 'UINT16', scales: [OUTPUTS], zero: true, opset: 21 },
  { type: 'INT4', scales: [OUTPUTS], zero: true, opset: 21 },
  { type: 'UINT4', scales: [], zero: true, opset: 21 },
];

/** `y = relu(x · A + a) · W`, W quantised. */
function build(form: Form): Uint8Array {
  const { type, scales, axis, block, zero = false, opset = 13, transposed = false } = form;
  const b = new ModelBuilder(opset, 8);
  const x = b.input('x', [undefined, 5]);
  const h = b.node('Relu', [
    b.node('Gemm', [x, b.weight('a.weight', [5, INPUTS]), b.weight('a.bias', [INPUTS])]),
  ]);
  const whole = (name: string, dims: readonly number[], seed: number) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const four = type.endsWith('INT4');
    const wide = { INT32: 4, INT16: 2, UINT16: 2 }[type as string] ?? 1;
    const bytes = Uint8Array.from(
      randomValues(four ? Math.ceil(size / 2) : size * wide, seed),
      (v) => 128 + 127 * v,
    );
    const tensor = { name, dims: dims.map(BigInt), dataType: DataType[type], rawData: bytes };
    b.initializers.push(create(TensorProtoSchema, tensor));
    return name;
  };
  const dims = transposed ? [OUTPUTS, INPUTS] : [INPUTS, OUTPUTS];
  const values = whole('fc.weight_quantized', dims, 3);
  const sizes = randomValues(
    scales.reduce((product, dim) => product * dim, 1),
    4,
  ).map((v) => 0.02 + 0.01 * v);
  const operands = [values, b.weight('fc.weight_scale', scales, sizes)];
  if (zero) operands.push(whole('fc.weight_zero_point', scales, 5));
  const attributes = {
    ...(axis === undefined ? {} : { axis }),
    ...(block === undefined ? {} : { block_size: block }),
  };
  let weights = b.node('DequantizeLinear', operands, attributes);
  if (transposed) weights = b.node('Transpose', [weights], { perm: [1, 0] });
  b.node('MatMul', [h, weights], {}, ['y']);
  return b.output('y', [undefined, OUTPUTS]).build();
}

const X = { x: { shape: [7, 5], data: randomValues(35, 9) } };

/** The same layer again, rewritten with the weights that it has. */
function unchanged(model: Model): Model {
  const layers = [{ layer: 'fc', weights: model.weights('fc'), bias: null, input: null }];
  return model.rewrite({ layers, features: [] });
}

test.each(FORMS)('%j is the floats that onnxruntime makes of it', async (form) => {
  const bytes = build(form);
  expect(onnxModel(bytes).layers.map(({ name }) => name)).toEqual(['a']);
  const model = onnxModel(bytes, { dequantize: true });
  expect(model.layers.map(({ name, inputs, outputs }) => [name, inputs, outputs])).toEqual([
    ['a', 5, INPUTS],
    ['fc', INPUTS, OUTPUTS],
  ]);
  const before = (await run(model, X)).y;
  expect(before!.data.some((value) => value !== 0)).toBe(true);
  expectClose((await run(unchanged(model), X)).y, before);
});

describe('a rewritten model', () => {
  test('holds floats in place of the quantised tensors and their scales', async () => {
    const model = onnxModel(build({ type: 'INT8', scales: [OUTPUTS], zero: true }), { dequantize: true });
    const written = unchanged(model);
    expect(written.skipped).toEqual([]);
    expect(written.layers).toMatchObject([{ name: 'a' }, { name: 'fc' }]);
    expect(written.parameters).toBe(5 * INPUTS + INPUTS + INPUTS * OUTPUTS);
  });

  test('leaves quantised what is not rewritten', () => {
    const model = onnxModel(build({ type: 'INT8', scales: [] }), { dequantize: true });
    const layers = [{ layer: 'a', weights: model.weights('a'), bias: model.bias('a')!, input: null }];
    const same = model.rewrite({ layers, features: [] });
    expect(same.parameters).toBe(5 * INPUTS + INPUTS + 1);
    expect(same.weights('fc')).toEqual(model.weights('fc'));
  });

  test('leaves tensors that another layer reads', async () => {
    const b = new ModelBuilder(13, 8);
    const x = b.input('x', [undefined, 3]);
    const values = {
      name: 'q',
      dims: [3n, 3n],
      dataType: DataType.INT8,
      rawData: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
    };
    b.initializers.push(create(TensorProtoSchema, values));
    const scale = b.weight('s', [], Float32Array.of(0.5));
    const h = b.node('MatMul', [x, b.node('DequantizeLinear', ['q', scale])], {}, ['h'], 'first');
    b.node('MatMul', [h, b.node('DequantizeLinear', ['q', scale])], {}, ['y'], 'second');
    const model = onnxModel(b.output('y').build(), { dequantize: true });
    const [layer] = model.layers;
    const layers = [{ layer: layer!.name, weights: model.weights(layer!.name), bias: null, input: null }];
    const input = { x: { shape: [2, 3], data: randomValues(6, 1) } };
    expectClose((await run(model.rewrite({ layers, features: [] }), input)).y, (await run(model, input)).y);
  });
});
