/** Files whose nodes are out of order, and initializers that are inputs too. */
import { expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { expectClose, run } from './running.js';

const clusters = clustering(3, [0, 1, 0, 2, 1, 1], 4);
const x = { shape: [2, 4], data: randomValues(8, 3) };

function chain(ir = 8): ModelBuilder {
  const b = new ModelBuilder(13, ir);
  const h = b.node('MatMul', [b.input('x', [undefined, 4]), b.weight('before.weight', [4, 6])]);
  const w = clusteredWeights(clusters);
  b.node('Gemm', [b.node('Relu', [h]), b.weight('target.weight', [3, 6], w.data)], { transB: 1 }, ['y']);
  return b.output('y');
}

test.each([
  [0, 2, 1],
  [2, 1, 0],
  [1, 0, 2],
])('nodes in the order %i, %i, %i are sorted when the model is read', async (...order) => {
  const b = chain();
  const expected = await run(onnxModel(b.build()), { x });
  b.nodes.splice(0, 3, ...order.map((place) => b.nodes[place]!));
  const model = onnxModel(b.build());
  expectClose((await run(model, { x })).y, expected.y);
  const { model: smaller, plan } = compressExactly(model, 'target', clusters);
  expect(plan).toMatchObject({ scaleInto: 'before', orderInto: 'before' });
  expectClose((await run(smaller, { x })).y, expected.y);
});

test('initializers that are inputs too are constants, with a note, and no inputs of a rewritten model', async () => {
  const b = chain(8);
  b.input('before.weight', [4, 6]);
  b.input('target.weight', [3, 6]);
  const model = onnxModel(b.build());
  expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
  expect(model.layers.map(({ name }) => name)).toEqual(['before', 'target']);
  expect(model.notes).toEqual([
    'initializers that are inputs too are taken as constants: before.weight, target.weight; a rewritten model no longer takes them as inputs',
  ]);
  const { model: smaller } = compressExactly(model, 'target', clusters);
  expect(smaller.notes).toEqual([]);
  expectClose((await run(smaller, { x })).y, (await run(model, { x })).y);
});

test('a file without them has no note', () => {
  for (const ir of [3, 8]) expect(onnxModel(chain(ir).build()).notes).toEqual([]);
});
