/** NaN and infinity in weights are refused by name and place, whatever type holds them; a mask may be infinite. */
import { InputError } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

/** x → fc (3 → 2) → y with this value at [1, 0] of the weights. */
function withWeight(value: number, type: number): Uint8Array {
  const b = new ModelBuilder();
  b.node(
    'MatMul',
    [
      b.input('x', [undefined, 3], type),
      b.weight('w', [3, 2], Float32Array.of(1, 2, value, 4, NaN, 6), type),
    ],
    {},
    ['y'],
  );
  return b.output('y', [undefined, 2], type).build();
}

const refusal = (line: string) => new InputError('BAD_FILE', `the data: ${line}`);
const MUST = 'weights must be finite; export the model again from a sound checkpoint';

describe.each(['FLOAT', 'DOUBLE', 'FLOAT16', 'BFLOAT16'] as const)('%s', (type) => {
  test.each([NaN, Infinity, -Infinity])('%d', (value) => {
    const stored = type === 'DOUBLE' && value === Infinity ? 'more than float32 holds' : value;
    expect(() => onnxModel(withWeight(value, DataType[type]))).toThrow(
      refusal(`tensor 'w' has ${stored} at [1, 0], ${MUST}`),
    );
  });
});

test('weights of a convolution, of a normalisation, in a Constant, and those that callers may replace', () => {
  const places: [name: string, add: (b: ModelBuilder) => void][] = [
    ['k', (b) => b.node('Conv', ['x', b.weight('k', [1, 1, 1, 2], Float32Array.of(0, NaN))])],
    ['s', (b) => b.node('PRelu', ['x', b.weight('s', [1, 1, 1, 2], Float32Array.of(0, NaN))])],
    [
      'c',
      (b) => {
        b.constant('c', [1, 1, 1, 2], Float32Array.of(0, NaN));
        b.node('MatMul', ['x', 'c']);
      },
    ],
    [
      'd',
      (b) => {
        b.node('MatMul', ['x', b.weight('d', [1, 1, 1, 2], Float32Array.of(0, NaN))]);
        b.input('d', [1, 1, 1, 2]);
      },
    ],
  ];
  for (const [name, add] of places) {
    const b = new ModelBuilder();
    b.input('x', [1, 1, 1, 1]);
    b.node('Relu', ['x'], {}, ['y']);
    add(b);
    expect(() => onnxModel(b.output('y').build())).toThrow(
      refusal(`tensor '${name}' has NaN at [0, 0, 0, 1], ${MUST}`),
    );
  }
});

test('the factors of a Gemm', () => {
  const b = new ModelBuilder();
  b.node(
    'Gemm',
    [b.input('x', [undefined, 3]), b.weight('w', [3, 2])],
    { beta: { float: -Infinity } },
    ['y'],
    'fc',
  );
  expect(() => onnxModel(b.output('y', [undefined, 2]).build())).toThrow(
    refusal("beta of the Gemm 'fc' is -Infinity, expected a finite number; export the model again"),
  );
});

describe('what is added', () => {
  const adding = (value: number, shape: readonly number[]) => {
    const b = new ModelBuilder();
    const product = b.node('MatMul', [b.input('x', [undefined, 3]), b.weight('w', [3, 2])]);
    b.node('Add', [product, b.weight('a', shape, new Float32Array(2).fill(value))], {}, ['y']);
    return onnxModel(b.output('y').build());
  };

  test('a mask may be infinite', () => expect(adding(-Infinity, [2, 1]).layers).toHaveLength(1));
  test('but no number it must be', () =>
    expect(() => adding(NaN, [2, 1])).toThrow(refusal(`tensor 'a' has NaN at [0, 0], ${MUST}`)));
  test('a bias is finite', () =>
    expect(() => adding(Infinity, [2]).bias('w')).toThrow(
      new InputError('BAD_FILE', `the bias 'a' of layer 'w' has Infinity at [0], ${MUST}`),
    ));
});
