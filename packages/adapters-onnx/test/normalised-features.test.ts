/** Normalisations, and Reshapes with computed targets, before a layer. */
import { planFold } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { expectClose, run } from './running.js';

const ASSIGNMENT = [0, 1, 0, 2, -1, 1, 1, 3];
const clusters = clustering(3, ASSIGNMENT, 4);
const w = clusteredWeights(clusters);
const x = { shape: [1, 6], data: randomValues(6, 3) };

/** A layer of eight outputs, what `between` adds, and the layer that is compressed. */
function around(between: (b: ModelBuilder, h: string) => string, opset = 13): Uint8Array {
  const b = new ModelBuilder(opset);
  const h = b.node('Gemm', [
    b.input('x', [1, 6]),
    b.weight('before.weight', [6, 8]),
    b.weight('before.bias', [8]),
  ]);
  const target = b.weight('target.weight', [3, 8], w.data);
  const product = b.node('MatMul', [between(b, h), b.node('Transpose', [target], { perm: [1, 0] })]);
  return b.output(b.node('Relu', [product], {}, ['y'])).build();
}

function decomposed(b: ModelBuilder, h: string): string {
  const d = b.node('Sub', [h, b.node('ReduceMean', [h], { axes: [-1] })]);
  const variance = b.node('ReduceMean', [b.node('Mul', [d, d])], { axes: [-1] });
  const eps = b.weight('eps', [], Float32Array.of(1e-5));
  const n = b.node('Div', [d, b.node('Sqrt', [b.node('Add', [variance, eps])])], {}, ['normal']);
  const scaled = b.node('Mul', [n, b.weight('gamma', [8])], {}, ['gammas']);
  return b.node('Add', [scaled, b.weight('beta', [8])]);
}

const CASES: [
  string,
  (b: ModelBuilder, h: string) => string,
  string | null,
  string | null,
  string,
  number,
][] = [
  [
    'decomposed',
    decomposed,
    'gammas',
    null,
    'the order stays a gather: Div normal normalises over all features',
    13,
  ],
  [
    'decomposed, Relu',
    (b, h) => b.node('Relu', [decomposed(b, h)]),
    'gammas',
    null,
    'the factors fold into gammas',
    13,
  ],
  [
    'LayerNormalization',
    (b, h) => b.node('LayerNormalization', [h, b.weight('gamma', [8]), b.weight('beta', [8])], {}, ['norm']),
    'norm',
    null,
    'the factors fold into norm; the order stays a gather: LayerNormalization norm normalises over all features',
    17,
  ],
  [
    'axes of length 1 come and go',
    (b, h) => b.node('Reshape', [b.node('Reshape', [h, b.integers([1, 1, 1, 8])]), b.integers([1, 8])]),
    'before',
    'before',
    'the sums fold into before through',
    13,
  ],
  [
    'a target through Shape, Cast, Slice and Cast',
    (b, h) => {
      const sizes = b.node('Cast', [b.node('Shape', [h])], { to: 6 });
      const batch = b.node('Slice', [sizes], { axes: [0], starts: [0], ends: [1] });
      const target = b.node('Concat', [b.node('Cast', [batch], { to: 7 }), b.integers([-1])], { axis: 0 });
      return b.node('Reshape', [h, target]);
    },
    'before',
    'before',
    'the sums fold into before through',
    9,
  ],
  [
    'transposed and back',
    (b, h) => {
      const lying = b.node('Relu', [b.node('Transpose', [h], { perm: [1, 0] })]);
      return b.node('Transpose', [b.node('Add', [lying, b.weight('s', [8, 1])])], { perm: [1, 0] });
    },
    'before',
    'before',
    'folds into before through',
    13,
  ],
];

describe('what stands before a layer', () => {
  test.each(CASES)('%s', async (_, between, scaleInto, orderInto, reason, opset) => {
    const model = onnxModel(around(between, opset));
    const { model: smaller, plan } = compressExactly(model, 'target', clusters);
    expect(plan).toMatchObject({ scaleInto, orderInto });
    expect(plan.reason).toContain(reason);
    expectClose((await run(smaller, { x })).y, (await run(model, { x })).y);
  });
});

test('a constant per column on the model’s own input takes the factors', () => {
  const b = new ModelBuilder();
  const scaled = b.node('Mul', [b.input('x', [undefined, 6]), b.weight('s', [6])], {}, ['scaled']);
  b.node('MatMul', [scaled, b.weight('fc.weight', [6, 2])], {}, ['y']);
  const { graph } = onnxModel(b.output('y').build());
  expect(planFold(graph, scaled, 6)).toMatchObject({
    scaleInto: 'scaled',
    reason: 'the factors fold into scaled; the order stays a gather: x comes from outside the graph',
  });
});

test('factors per channel do not pass a Reshape that runs over positions', () => {
  const b = new ModelBuilder();
  let x = b.node('Conv', [b.input('x', [undefined, 2, 4, 4]), b.weight('c', [4, 2, 3, 3])]);
  x = b.node('Mul', [x, b.weight('s', [4, 1, 1])]);
  x = b.node('Reshape', [x, b.integers([-1, 4])]);
  b.node('MatMul', [x, b.weight('fc.weight', [4, 2])], {}, ['y']);
  const { graph } = onnxModel(b.output('y').build());
  expect(planFold(graph, x, 4)).toMatchObject({ scaleInto: null, orderInto: null });
});
