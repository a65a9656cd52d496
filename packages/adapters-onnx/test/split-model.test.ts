import { compressModel, denseMatrix } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { madeBy } from './made-by.js';
import { expectClose, run } from './running.js';

/** Convolution, traced flattening, two layers with a shortcut around the second, and an early second output. */
function build(): ModelBuilder {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 2, 4, 4]);
  const conv = b.node('Conv', [x, b.weight('conv.weight', [3, 2, 3, 3])], {}, ['conv_out'], 'conv');
  const relu = b.node('Relu', [conv], {}, ['relu_out']);
  const batch = b.node('Gather', [b.node('Shape', [relu]), b.integers([0])], { axis: 0 });
  const shape = b.node('Concat', [batch, b.integers([-1])], { axis: 0 });
  const flat = b.node('Reshape', [relu, shape], {}, ['flat']);
  b.node('Gemm', [flat, b.weight('fc1.weight', [12, 5]), b.weight('fc1.bias', [5])], {}, ['fc1_out']);
  const h = b.node('Relu', ['fc1_out'], {}, ['h']);
  const product = b.node('MatMul', [h, b.weight('fc2.weight', [5, 5])]);
  const added = b.node('Add', [product, b.weight('fc2.bias', [5])], {}, ['fc2_out']);
  // The last Reshape takes its batch from before every cut.
  const late = b.node('Reshape', [b.node('Add', [added, h]), shape]);
  b.node('Abs', [late], {}, ['y']);
  b.node('Abs', ['conv_out'], {}, ['early']);
  return b.output('y', [undefined, 5]).output('early', [undefined, 3, 2, 2]);
}

describe('split', () => {
  test.each([
    [['fc1'], [], ['fc1', 'fc2'], ['flat', 'relu_out']],
    [['fc2'], [], ['fc2'], ['h', 'relu_out']],
    [['fc2'], ['fc1'], ['fc1', 'fc2'], ['flat', 'relu_out']],
  ])('before %s and %s', async (layers, also, inTail, boundary) => {
    const model = onnxModel(build().build());
    const x = { shape: [3, 2, 4, 4], data: randomValues(96, 1) };
    const { head, tail } = model.split(layers, also);
    expect(tail.layers.map(({ name }) => name)).toEqual(inTail);
    expect(tail.inputs.map(({ name }) => name).sort()).toEqual(boundary);
    const whole = await run(model, { x });
    const middle = await run(head!, { x });
    expect(Object.keys(middle).sort()).toEqual([...boundary, 'early'].sort());
    const rest = await run(tail, middle);
    expect(Object.keys(rest)).toEqual(['y']);
    expectClose(rest.y, whole.y, 0);
    expectClose(middle.early, whole.early, 0);
  });

  test('before an operation', async () => {
    const model = onnxModel(build().build());
    const { head, tail } = model.split(['fc1'], ['conv']);
    expect(head).toBeUndefined();
    expect(tail).toBe(model);
    const later = model.split(['fc1'], ['relu_out']);
    expect(later.tail.inputs.map(({ name }) => name)).toEqual(['conv_out']);
  });

  test('weights go to one side, and shared ones to both', () => {
    const b = build();
    b.output(b.node('MatMul', ['fc1_out', 'fc2.weight'], {}, ['again']));
    const model = onnxModel(b.build());
    const { head, tail } = model.split(['fc2'], []);
    expect(head!.weights('fc1')).toEqual(model.weights('fc1'));
    expect(tail.weights('fc2')).toEqual(model.weights('fc2'));
    expect(head!.parameters + tail.parameters).toBe(model.parameters + 25);
  });

  test('the tail can be rewritten by the names of the whole', async () => {
    const model = onnxModel(build().build());
    const { head, tail } = model.split(['fc2'], ['fc1']);
    const zeros = {
      layer: 'fc2',
      weights: denseMatrix(5, 5),
      bias: new Float32Array(5).fill(1),
      input: null,
    };
    const x = { shape: [3, 2, 4, 4], data: randomValues(96, 1) };
    const whole = await run(model.rewrite({ layers: [zeros], features: [] }), { x });
    const rest = await run(tail.rewrite({ layers: [zeros], features: [] }), await run(head!, { x }));
    expectClose(rest.y, whole.y, 0);
    expect(madeBy(tail, 'h')).toEqual(madeBy(model, 'h'));
  });

  test('an unknown name is refused', () => {
    const model = onnxModel(build().build());
    expect(() => model.split(['fc9'], [])).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }));
  });
});

test('a tail that also reads an input of the model is refitted, in one branch as in the other', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 8]);
  const left = b.node('Relu', [b.node('Gemm', [x, b.weight('left.weight', [8, 12])])]);
  const inner = b.node('Relu', [b.node('Gemm', [x, b.weight('inner.weight', [8, 10])])]);
  const right = b.node('Gemm', [inner, b.weight('right.weight', [10, 12])]);
  b.node('Add', [left, right], {}, ['y']);
  const model = onnxModel(b.output('y', [undefined, 12]).build());
  const { head, tail } = model.split(['left'], []);
  expect([head, ...tail.inputs.map(({ name }) => name)]).toEqual([
    expect.anything(),
    'x',
    expect.any(String),
  ]);
  const { layers } = await compressModel(model, {
    ratio: 0.5,
    reduce: 'columns',
    calibration: {
      name: 'random',
      samples: 64,
      async *batches() {
        yield { x: { shape: [64, 8], data: randomValues(512, 3) } };
      },
    },
  });
  expect(layers.map(({ calibration }) => calibration)).toEqual([
    expect.anything(),
    expect.anything(),
    expect.anything(),
  ]);
});
