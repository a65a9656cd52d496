import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

/** Counts in a model whose body is given; its output is named `y`. */
async function count(
  shape: readonly (number | undefined)[],
  body: (model: ModelBuilder, x: string) => string,
  opset = 13,
): Promise<number | undefined> {
  const builder = new ModelBuilder(opset);
  builder.node('Identity', [body(builder, builder.input('x', shape))], {}, ['y']);
  return onnxModel(builder.output('y').build()).multiplyAccumulates!();
}

describe('products of weights', () => {
  test('Gemm, either way round', async () => {
    const shape = [undefined, 5];
    expect(await count(shape, (b, x) => b.node('Gemm', [x, b.weight('w', [5, 3])]))).toBe(15);
    expect(await count(shape, (b, x) => b.node('Gemm', [x, b.weight('w', [3, 5])], { transB: 1 }))).toBe(15);
  });

  test('MatMul of a sequence: once per position', async () => {
    expect(await count([undefined, 7, 5], (b, x) => b.node('MatMul', [x, b.weight('w', [5, 3])]))).toBe(105);
  });

  test('MatMul with the weights on the left', async () => {
    expect(await count([undefined, 5, 2], (b, x) => b.node('MatMul', [b.weight('w', [3, 5]), x]))).toBe(30);
  });

  test('Conv: filters once per place, groups, strides and padding', async () => {
    const shape = [undefined, 4, 9, 9];
    const attributes = { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] };
    expect(await count(shape, (b, x) => b.node('Conv', [x, b.weight('w', [6, 2, 3, 3])], attributes))).toBe(
      6 * 5 * 5 * 2 * 9,
    );
  });

  test('ConvTranspose: filters once per place of the input', async () => {
    expect(
      await count([undefined, 4, 5, 5], (b, x) => b.node('ConvTranspose', [x, b.weight('w', [4, 3, 2, 2])])),
    ).toBe(4 * 25 * 3 * 4);
  });

  test('shapes that only a run tells', async () => {
    const body = (b: ModelBuilder, x: string) => {
      const shape = b.node('Concat', [b.node('Shape', [x], { start: 0, end: 1 }), b.integers([2, 6])], {
        axis: 0,
      });
      return b.node('MatMul', [b.node('Reshape', [x, shape]), b.weight('w', [6, 3])]);
    };
    expect(await count([undefined, 3, 4], body, 15)).toBe(2 * 6 * 3);
  });

  test('a fixed batch counts once', async () => {
    expect(await count([4, 5], (b, x) => b.node('MatMul', [x, b.weight('w', [5, 3])]))).toBe(15);
  });
});

describe('no products of weights', () => {
  test('a product of two computed tensors, and other arithmetic', async () => {
    const body = (b: ModelBuilder, x: string) =>
      b.node('Mul', [
        b.node('MatMul', [x, b.node('Transpose', [x], { perm: [0, 2, 1] })]),
        b.weight('s', [1]),
      ]);
    expect(await count([undefined, 3, 4], body)).toBe(0);
  });
});

describe('unknown', () => {
  test('for a free axis beside the batch', async () => {
    expect(
      await count([undefined, undefined, 5], (b, x) => b.node('MatMul', [x, b.weight('w', [5, 3])])),
    ).toBeUndefined();
  });

  test('for operators that hold weights in other ways', async () => {
    const body = (b: ModelBuilder, x: string) =>
      b.node('LSTM', [x, b.weight('w', [1, 8, 4]), b.weight('r', [1, 8, 2])], { hidden_size: 2 });
    expect(await count([3, 1, 4], body)).toBeUndefined();
    const foreign = (b: ModelBuilder, x: string) =>
      b.node('FusedMatMul', [x, b.weight('w', [4, 4])], {}, undefined, undefined, 'com.microsoft');
    expect(await count([undefined, 4], foreign)).toBeUndefined();
  });
});

test('inputs of whole numbers say so, and weights how they are rounded', () => {
  const b = new ModelBuilder();
  const tokens = b.node('Gather', [
    b.weight('e', [9, 4], undefined, DataType.FLOAT16),
    b.input('t', [1, 2], DataType.INT64),
  ]);
  b.node('Identity', [tokens], {}, ['y']);
  const model = onnxModel(b.output('y', [1, 2, 4], DataType.FLOAT16).build());
  expect(model.inputs).toEqual([{ name: 't', shape: [1, 2], type: 'int64', entries: 9 }]);
  expect(model.outputs).toEqual([{ name: 'y', shape: [1, 2, 4], type: 'float16' }]);
  expect(model.roundoff).toBe(2 ** -11);
});
