import { type OperationEffect, planFold } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';
import { madeBy } from './made-by.js';

/** The effect of what `build` adds behind a layer of four features. */
function effectAfterLayer(build: (b: ModelBuilder, x: string) => string, opset = 13): OperationEffect {
  const b = new ModelBuilder(opset);
  const x = b.node('Gemm', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 4])]);
  const y = build(b, x);
  return madeBy(onnxModel(b.output(y).build()), y).effect!;
}

/** The same behind a convolution of four filters, on 5 by 5 positions. */
function effectAfterConvolution(build: (b: ModelBuilder, x: string) => string): OperationEffect {
  const b = new ModelBuilder();
  const x = b.node('Conv', [b.input('x', [undefined, 2, 7, 7]), b.weight('c', [4, 2, 3, 3])]);
  const y = build(b, x);
  return madeBy(onnxModel(b.output(y).build()), y).effect!;
}

describe('effects behind a layer', () => {
  test.each<[string, (b: ModelBuilder, x: string) => string, OperationEffect['type']]>([
    ['Abs', (b, x) => b.node('Abs', [x]), 'homogeneous'],
    ['Tanh', (b, x) => b.node('Tanh', [x]), 'elementwise'],
    ['a PRelu slope', (b, x) => b.node('PRelu', [x, b.weight('s', [1])]), 'homogeneous'],
    ['Neg', (b, x) => b.node('Neg', [x]), 'linear'],
    ['Dropout', (b, x) => b.node('Dropout', [x]), 'linear'],
    ['a factor for all', (b, x) => b.node('Mul', [x, b.weight('s', [])]), 'linear'],
    ['x / 2', (b, x) => b.node('Div', [x, b.weight('s', [1])]), 'linear'],
    ['a maximum per feature', (b, x) => b.node('Max', [x, b.weight('s', [4])]), 'bound'],
    ['Clip without bounds', (b, x) => b.node('Clip', [x]), 'linear'],
    ['PRelu slopes', (b, x) => b.node('PRelu', [x, b.weight('s', [4])]), 'homogeneous-per-feature'],
    ['a constant of a wider rank', (b, x) => b.node('Add', [x, b.weight('s', [4, 1, 1])]), 'other'],
    ['a column added', (b, x) => b.node('Add', [x, b.weight('s', [3, 1])]), 'elementwise'],
    ['c / x', (b, x) => b.node('Div', [b.weight('s', [4]), x]), 'elementwise-per-feature'],
    ['x / c', (b, x) => b.node('Div', [x, b.weight('s', [4])]), 'affine'],
    ['a variable added', (b, x) => b.node('Add', [x, b.input('v', [undefined, 4])]), 'other'],
    ['a maximum with 1', (b, x) => b.node('Max', [x, b.weight('s', [], Float32Array.of(1))]), 'elementwise'],
    ['Flatten of axis 1', (b, x) => b.node('Flatten', [x]), 'layout'],
    ['a Reshape that splits features', (b, x) => b.node('Reshape', [x, b.integers([0, 2, 2])]), 'other'],
    ['a Reshape over samples', (b, x) => b.node('Reshape', [x, b.integers([-1, 2])]), 'other'],
    ['a fixed batch', (b, x) => b.node('Reshape', [x, b.integers([1, 4])]), 'layout'],
    ['Transpose', (b, x) => b.node('Transpose', [x], { perm: [1, 0] }), 'linear'],
    ['Softmax', (b, x) => b.node('Softmax', [x]), 'other'],
    ['an unknown domain', (b, x) => b.node('Relu', [x], {}, ['y'], 'y', 'my.domain'), 'other'],
    ['FastGelu', (b, x) => b.node('FastGelu', [x], {}, ['y'], 'y', 'com.microsoft'), 'elementwise'],
  ])('%s', (_, build, type) => {
    expect(effectAfterLayer(build).type).toBe(type);
  });

  test.each([
    ['as wide', 1, 'linear'],
    ['narrower', 10, 'linear'],
    ['wider', 11, 'homogeneous'],
    ['of whole numbers', 7, 'elementwise'],
  ])('a Cast to a type that is %s', (_, to, type) => {
    const cast = (b: ModelBuilder, x: string): string =>
      b.node('Cast', [b.node('Cast', [x], { to }, ['there'])], { to: 1 });
    const b = new ModelBuilder();
    const x = b.node('Gemm', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 4])]);
    cast(b, x);
    expect(madeBy(onnxModel(b.output('there', [undefined, 4], to).build()), 'there').effect?.type).toBe(type);
  });

  test('BatchNormalization over tokens is not per feature', () => {
    const b = new ModelBuilder();
    const x = b.node('MatMul', [b.input('x', [undefined, 4, 3]), b.weight('fc.weight', [3, 4])]);
    b.node('BatchNormalization', [x, ...['a', 'b', 'c', 'd'].map((name) => b.weight(name, [4]))], {}, ['y']);
    expect(madeBy(onnxModel(b.output('y').build()), 'y').effect?.type).toBe('other');
  });

  test('a mean over tokens keeps each feature to itself', () => {
    const b = new ModelBuilder();
    const x = b.node('MatMul', [b.input('x', [undefined, 6, 3]), b.weight('fc.weight', [3, 4])]);
    b.node('ReduceMean', [x], { axes: [1], keepdims: 0 }, ['mean']);
    b.node('ReduceMean', [x], { axes: [2], keepdims: 0 }, ['mixed']);
    const model = onnxModel(b.output('mean').output('mixed').build());
    expect(madeBy(model, 'mean').effect?.type).toBe('linear');
    expect(madeBy(model, 'mixed').effect?.type).toBe('other');
  });
});

describe('effects behind a convolution', () => {
  test.each<[string, (b: ModelBuilder, x: string) => string, OperationEffect]>([
    ['MaxPool', (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 2] }), { type: 'homogeneous' }],
    ['a mean over positions', (b, x) => b.node('ReduceMean', [x], { axes: [-1, -2] }), { type: 'linear' }],
    [
      'a mean over channels',
      (b, x) => b.node('ReduceMean', [x], { axes: [1] }),
      { type: 'other', reason: 'may reduce the axis of the features or of the samples' },
    ],
    [
      'slopes per channel',
      (b, x) => b.node('PRelu', [x, b.weight('s', [4, 1, 1])]),
      { type: 'homogeneous-per-feature', features: 4 },
    ],
    [
      'a shift per channel',
      (b, x) => b.node('Add', [x, b.weight('s', [1, 4, 1, 1])]),
      { type: 'shift', features: 4 },
    ],
    ['Flatten', (b, x) => b.node('Flatten', [x]), { type: 'layout', perSample: true }],
    [
      'Flatten over samples',
      (b, x) => b.node('Flatten', [x], { axis: 2 }),
      { type: 'layout', perSample: false },
    ],
    [
      'a Reshape to [-1, n]',
      (b, x) => b.node('Reshape', [x, b.integers([-1, 100])]),
      { type: 'layout', perSample: true, size: 100 },
    ],
    [
      'a Reshape to [-1, n] of part of a sample',
      (b, x) => b.node('Reshape', [x, b.integers([-1, 50])]),
      { type: 'layout', perSample: false, size: 50 },
    ],
    ['swapped positions', (b, x) => b.node('Transpose', [x], { perm: [0, 1, 3, 2] }), { type: 'linear' }],
  ])('%s', (_, build, effect) => {
    expect(effectAfterConvolution(build)).toEqual(effect);
  });

  test('constants that broadcast over positions are the same for all channels', () => {
    const effect = effectAfterConvolution((b, x) => b.node('Mul', [x, b.weight('s', [5])]));
    expect(effect.type).toBe('linear');
  });

  test.each([
    ['grouped', { group: 2 }, [4, 1, 3, 3], false],
    ['shared', {}, [4, 2, 3, 3], true],
  ] as const)('%s filters are not foldable', (_, attributes, dims, shared) => {
    const b = new ModelBuilder();
    const inputs = [b.input('x', [undefined, 2, 7, 7]), b.weight('c', dims)];
    b.node('Conv', inputs, attributes, ['y']);
    if (shared) b.output(b.node('Conv', inputs));
    const effect = madeBy(onnxModel(b.output('y').build()), 'y').effect;
    expect(effect).toEqual({ type: 'convolution', filters: 4, foldable: false });
  });

  test('a layer that reads positions as columns does not fold into the filters', () => {
    const b = new ModelBuilder();
    const x = b.node('Conv', [b.input('x', [undefined, 2, 6, 6]), b.weight('c', [4, 2, 3, 3])]);
    b.node('MatMul', [x, b.weight('fc.weight', [4, 2])], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect(planFold(model.graph, x, 4)).toMatchObject({ scaleInto: null, orderInto: null });
  });

  test('parameters per channel are not parameters per column', () => {
    const b = new ModelBuilder();
    let x = b.node('Conv', [b.input('x', [undefined, 2, 4, 4]), b.weight('c', [4, 2, 3, 3])]);
    x = b.node('Mul', [x, b.weight('s', [4, 1, 1])]);
    x = b.node('Flatten', [x]);
    b.node('MatMul', [x, b.weight('fc.weight', [16, 2])], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect(planFold(model.graph, x, 16)).toMatchObject({ scaleInto: null, orderInto: null });
  });
});

test('operations without a name, or with the same one, are told apart', () => {
  const b = new ModelBuilder();
  const x = b.node('Relu', [b.input('x', [undefined, 3])], {}, ['a'], '');
  const y = b.node('Relu', [x], {}, ['b'], 'same');
  b.node('Relu', [y], {}, ['c'], 'same');
  const model = onnxModel(b.output('c').build());
  expect(['a', 'b', 'c'].map((name) => madeBy(model, name).name)).toEqual(['a', 'same', 'same#2']);
});

test('reading the size of the batch is no use, reading other sizes is', () => {
  const b = new ModelBuilder();
  const x = b.node('Gemm', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 4])]);
  const batch = b.node('Gather', [b.node('Shape', [x]), b.integers([0])], { axis: 0 });
  const y = b.node('Reshape', [x, b.node('Concat', [batch, b.integers([-1])], { axis: 0 })]);
  const z = b.output(b.node('Gemm', [y, b.weight('next.weight', [4, 2])]));
  const reason = () => planFold(onnxModel(z.build()).graph, y, 4).reason;
  expect(reason()).toContain('the sums fold into fc');
  b.output(b.node('Gather', [b.node('Shape', [x]), b.integers([1])], { axis: 0 }), [1], 7);
  expect(reason()).toBe(`${x} has other consumers`);
});
