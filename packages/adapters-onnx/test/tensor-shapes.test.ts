/** Shapes behind the arithmetic that exporters write, and the layers that fold through it. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Tensor } from '@spherize/core';
import { TensorProto_DataType as DataType, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { TensorShapes } from '../src/graph/tensor-shapes.js';
import { onnxModel } from '../src/node.js';
import type { Shape } from '../src/proto/onnx-protos.js';
import { GraphIndex } from '../src/tensors/graph-index.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { expectClose, run } from './running.js';

const { INT32, INT64 } = DataType;
const free = undefined;

/** `x.size(axis)`: a scalar. */
function sizeOf(b: ModelBuilder, x: string, axis: number): string {
  return b.node('Gather', [b.node('Shape', [x]), b.integer(axis)], { axis: 0 });
}

function list(b: ModelBuilder, ...sizes: readonly (string | number)[]): string {
  const parts = sizes.map((size) =>
    typeof size === 'number' ? b.integers([size]) : b.node('Unsqueeze', [size, b.integers([0])]),
  );
  return b.node('Concat', parts, { axis: 0 });
}

const reshape = (b: ModelBuilder, x: string, ...sizes: readonly (string | number)[]) =>
  b.node('Reshape', [x, list(b, ...sizes)]);

/** Forms on `x`, of a free batch, a free length and eight features. */
const FORMS: readonly [string, (b: ModelBuilder, x: string) => string, Shape][] = [
  ['x.view(x.size(0), -1)', (b, x) => reshape(b, x, sizeOf(b, x, 0), -1), [free, free]],
  [
    'heads: x.view(batch, length, 2, 4).transpose(1, 2)',
    (b, x) =>
      b.node('Transpose', [reshape(b, x, sizeOf(b, x, 0), sizeOf(b, x, 1), 2, 4)], { perm: [0, 2, 1, 3] }),
    [free, 2, free, 4],
  ],
  [
    'x.size(-1) // 2',
    (b, x) => {
      const half = b.node('Div', [sizeOf(b, x, -1), b.integer(2)]);
      return reshape(b, x, sizeOf(b, x, 0), sizeOf(b, x, 1), 2, b.node('Cast', [half], { to: INT64 }));
    },
    [free, free, 2, 4],
  ],
  ['an open axis between known ones', (b, x) => reshape(b, x, sizeOf(b, x, 0), -1, 2, 4), [free, free, 2, 4]],
  [
    'what an open axis takes',
    (b, x) => reshape(b, x, sizeOf(b, x, 0), sizeOf(b, x, 1), 2, -1),
    [free, free, 2, 4],
  ],
  [
    'Shape, Cast, Slice, Cast, Concat',
    (b, x) => {
      const sizes = b.node('Cast', [b.node('Shape', [x])], { to: INT32 });
      const batch = b.node('Slice', [sizes, b.integers([0]), b.integers([1])]);
      const target = [b.node('Cast', [batch], { to: INT64 }), b.integers([-1, 4])];
      return b.node('Reshape', [x, b.node('Concat', target, { axis: 0 })]);
    },
    [free, free, 4],
  ],
  [
    'Shape, Cast, StridedSlice, Pack',
    (b, x) => {
      const sizes = b.node('Cast', [b.node('Shape', [x])], { to: INT32 });
      const slice = b.node('Slice', [sizes, ...[[1], [2], [0], [1]].map((part) => b.integers(part))]);
      const length = b.node('Cast', [b.node('Squeeze', [slice, b.integers([0])])], { to: INT64 });
      return reshape(b, x, -1, length, 4);
    },
    [free, free, 4],
  ],
  [
    'the product of the first sizes',
    (b, x) => {
      const first = b.node('Slice', [b.node('Shape', [x]), b.integers([0]), b.integers([-1])]);
      return reshape(b, x, b.node('ReduceProd', [first], { keepdims: 0 }), sizeOf(b, x, 2));
    },
    [free, 8],
  ],
  [
    'x.flatten(1).view(batch, length, 8)',
    (b, x) =>
      reshape(b, reshape(b, x, sizeOf(b, x, 0), -1), sizeOf(b, x, 0), sizeOf(b, x, 1), sizeOf(b, x, 2)),
    [free, free, 8],
  ],
  [
    'a token of each sample: token.expand(batch, -1, -1)',
    (b, x) => {
      const target = list(b, sizeOf(b, x, 0), -1, -1);
      const ones = b.node('ConstantOfShape', [b.node('Shape', [target])], {
        value: { tensor: oneInteger() },
      });
      const kept = b.node('Mul', [ones, b.integer(-1)]);
      const sizes = b.node('Where', [b.node('Equal', [target, kept]), ones, target]);
      const token = b.node('Expand', [b.weight('token', [1, 1, 8]), sizes]);
      return b.node('Concat', [token, x], { axis: 1 });
    },
    [free, free, 8],
  ],
  ['zeros like it', (b, x) => b.node('ConstantOfShape', [b.node('Shape', [x])]), [free, free, 8]],
  [
    'positions: arange(length)[None, :, None]',
    (b, x) => {
      const range = b.node('Range', [b.integer(0), sizeOf(b, x, 1), b.integer(1)]);
      return b.node('Cast', [b.node('Unsqueeze', [range, b.integers([0, 2])])], { to: DataType.FLOAT });
    },
    [1, free, 1],
  ],
  [
    'the first positions: table[:, :length]',
    (b, x) => {
      const end = b.node('Unsqueeze', [sizeOf(b, x, 1), b.integers([0])]);
      return b.node('Slice', [b.weight('table', [1, 16, 8]), b.integers([0]), end, b.integers([1])]);
    },
    [1, free, 8],
  ],
  [
    'one of three parts',
    (b, x) => {
      const whole = b.node('MatMul', [x, b.weight('qkv', [8, 24])]);
      b.node('Split', [whole, b.integers([4, 12, 8])], { axis: -1 }, ['q', 'k', 'v']);
      return b.node('Mul', ['k', b.node('Concat', ['q', 'v'], { axis: 2 })]);
    },
    [free, free, 12],
  ],
  [
    'scores: q kᵀ',
    (b, x) => {
      const heads = (perm: number[]) =>
        b.node('Transpose', [b.node('Reshape', [x, b.integers([0, 0, 2, 4])])], { perm });
      return b.node('Softmax', [b.node('MatMul', [heads([0, 2, 1, 3]), heads([0, 2, 3, 1])])]);
    },
    [free, 2, free, free],
  ],
  ['the first token: x[:, 0]', (b, x) => b.node('Gather', [x, b.integer(0)], { axis: 1 }), [free, 8]],
  [
    'pads in the order of torch',
    (b, x) => {
      const zeros = b.node('ConstantOfShape', [b.integers([4])], { value: { tensor: oneInteger(0) } });
      const all = b.node('Concat', [b.integers([1, 2]), zeros], { axis: 0 });
      const pairs = b.node('Reshape', [all, b.integers([-1, 2])]);
      const [last, first] = [b.integers([-1]), b.integers([-(2 ** 63)])];
      const turned = b.node('Slice', [pairs, last, first, b.integers([0]), b.integers([-1])]);
      const flat = b.node('Reshape', [b.node('Transpose', [turned], { perm: [1, 0] }), b.integers([-1])]);
      return b.node('Pad', [x, b.node('Cast', [flat], { to: INT64 })]);
    },
    [free, free, 11],
  ],
  ['repeats', (b, x) => b.node('Tile', [x, list(b, 1, sizeOf(b, x, 0), 2)]), [free, free, 16]],
];

function oneInteger(value = 1) {
  const b = new ModelBuilder();
  b.integers([value]);
  return b.initializers[0]!;
}

function formOf(add: (b: ModelBuilder, x: string) => string): Uint8Array {
  const b = new ModelBuilder();
  b.node('Identity', [add(b, b.input('x', [free, free, 8]))], {}, ['y']);
  return b.output('y').build();
}

describe('the shapes that exporters compute', () => {
  test.each(FORMS)('%s', async (_, add, shape) => {
    const bytes = formOf(add);
    expect(new TensorShapes(new GraphIndex(fromBinary(ModelProtoSchema, bytes))).shape('y')).toEqual(shape);
    const { y } = await run(onnxModel(bytes), { x: { shape: [3, 5, 8], data: randomValues(120, 1) } });
    expect(y!.shape.map((size, axis) => (shape[axis] === free ? free : size))).toEqual(shape);
  });
});

/** Reshapes between a convolution of six filters, averaged over all positions, and a layer. */
const TARGETS: readonly [string, (b: ModelBuilder, x: string) => string][] = [
  ['0 and a number', (b, x) => b.node('Reshape', [x, b.integers([0, 6])])],
  ['-1 and a number', (b, x) => b.node('Reshape', [x, b.integers([-1, 6])])],
  ['the batch and -1', (b, x) => reshape(b, x, sizeOf(b, x, 0), -1)],
  ['the batch and a number', (b, x) => reshape(b, x, sizeOf(b, x, 0), 6)],
  ['the batch, a computed 1 and a number', (b, x) => reshape(b, x, sizeOf(b, x, 0), sizeOf(b, x, 2), 6)],
  [
    'the batch through Cast, Slice and Cast, and a number',
    (b, x) => {
      const sizes = b.node('Cast', [b.node('Shape', [x])], { to: INT32 });
      const batch = b.node('Slice', [sizes, b.integers([0]), b.integers([1])]);
      const target = [b.node('Cast', [batch], { to: INT64 }), b.integers([6])];
      return b.node('Reshape', [x, b.node('Concat', target, { axis: 0 })]);
    },
  ],
];

describe('layers behind them fold, also where fewer features are left', () => {
  test.each(TARGETS)('%s', async (_, add) => {
    const clusters = clustering(3, [0, 1, 0, 2, -1, 1], 4);
    const b = new ModelBuilder();
    const filters = b.weight('conv.weight', [6, 2, 3, 3]);
    const conv = b.node('Conv', [b.input('x', [free, 2, 6, 6]), filters, b.weight('conv.bias', [6])]);
    const mean = b.node('GlobalAveragePool', [b.node('Relu', [conv])]);
    const weight = b.weight('fc.weight', [3, 6], clusteredWeights(clusters).data);
    b.node('MatMul', [add(b, mean), b.node('Transpose', [weight], { perm: [1, 0] })], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    const { model: smaller, plan } = compressExactly(model, 'fc', clusters);
    expect(plan).toMatchObject({ orderInto: 'conv_0', scaleInto: 'conv_0' });
    expect([model.parameters, smaller.parameters]).toEqual([6 * 19 + 18, 5 * 19 + 9]);
    for (const batch of [1, 3]) {
      const x: Tensor = { shape: [batch, 2, 6, 6], data: randomValues(72 * batch, 7) };
      expectClose((await run(smaller, { x })).y, (await run(model, { x })).y);
    }
  });
});
