/** `W · x` with constant W: the features of x lie on its last axis but one. */
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { expectClose, run } from './running.js';

const clusters = clustering(3, [0, 1, 0, 2, -1, 1, 1, 3], 4);

describe.each([
  [[5], []],
  [[5, 2], [1]],
  [[2, 5, 3], [1]],
])('x of shape %j', (shape, ones) => {
  test.each([7, 11, 13, 18])('operator set %i', async (opset) => {
    const b = new ModelBuilder(opset);
    const m = b.node('MatMul', [b.weight('before.weight', [8, 5]), b.input('x', shape)]);
    const h = b.node('Relu', [b.node('Add', [m, b.weight('before.shift', [8, ...ones])])]);
    const w = clusteredWeights(clusters);
    const n = b.node('MatMul', [b.weight('target.weight', [3, 8], w.data), h], {}, ['n']);
    b.output(b.node('Add', [n, b.weight('target.shift', [3, ...ones])], {}, ['y']));
    const model = onnxModel(b.build());
    expect(model.layers).toMatchObject([
      { name: 'before', outputs: 8, inputs: 5 },
      { name: 'target', outputs: 3, inputs: 8 },
    ]);
    const { model: smaller, plan } = compressExactly(model, 'target', clusters);
    expect(plan).toMatchObject({ scaleInto: 'before', orderInto: 'before' });
    const size = shape.reduce((product, dim) => product * dim, 1);
    const x = { shape, data: randomValues(size, 3) };
    expectClose((await run(smaller, { x })).y, (await run(model, { x })).y);
  });
});
