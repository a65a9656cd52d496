/** Graphs that are small files and much work for whoever walks them carelessly: counted in calls, not in seconds. */
import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, GraphProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

const DEPTH = 20_000;

function head(b: ModelBuilder, input: string): Uint8Array {
  b.node('MatMul', [input, b.weight('w', [3, 2])], {}, ['y']);
  return b.output('y', [undefined, 2]).build();
}

test('a shape that announces more axes than there can be', () => {
  const b = new ModelBuilder();
  const shape = b.input('shape', [2 ** 31], 7);
  const flat = b.node('Reshape', [b.input('x', [undefined, 3]), shape]);
  expect(onnxModel(head(b, flat)).layers).toHaveLength(1);
});

test('a shape of more values than there can be axes, read by many nodes', () => {
  const b = new ModelBuilder();
  const shape = b.integers(Array<number>(100_000).fill(1));
  let tensor = b.input('x', [undefined, 3]);
  for (let i = 0; i < 1000; i++) tensor = b.node('Reshape', [tensor, shape]);
  expect(onnxModel(head(b, tensor)).layers).toHaveLength(1);
});

test('constants that are added to themselves, again and again', () => {
  const b = new ModelBuilder();
  let weights = b.weight('c', [3, 2]);
  for (let i = 0; i < 60; i++) weights = b.node('Add', [weights, weights]);
  b.node('MatMul', [b.input('x', [undefined, 3]), weights], {}, ['y']);
  expect(onnxModel(b.output('y').build()).skipped).toMatchObject([
    { reason: 'its weights are computed by Add: fold constants first' },
  ]);
});

test('the same inside a subgraph, whose nodes may also read what they make', () => {
  const inner = new ModelBuilder();
  inner.weight('c', [3, 2]);
  let weights = 'c';
  for (let i = 0; i < 60; i++) weights = inner.node('Add', [weights, weights]);
  inner.node('MatMul', ['x', weights], {}, ['product']);
  inner.node('Add', ['loop', 'loop'], {}, ['loop']);
  inner.node('MatMul', ['x', 'loop'], {}, ['other']);
  const b = new ModelBuilder();
  b.node('If', [b.input('x', [undefined, 3])], {}, ['z']);
  b.nodes[0]!.attribute.push(
    create(AttributeProtoSchema, { name: 'g', g: create(GraphProtoSchema, inner.graph()) }),
  );
  const { skipped } = onnxModel(head(b, 'x'));
  expect(skipped.map(({ name }) => name)).toEqual(['c']);
});

test('a chain of nodes as long as files allow', () => {
  const b = new ModelBuilder();
  let tensor = b.input('x', [undefined, 3]);
  let weights = b.weight('c', [3, 3]);
  for (let i = 0; i < DEPTH; i++) {
    tensor = b.node('Relu', [tensor], {}, undefined, 'same name');
    weights = b.node('Identity', [weights]);
  }
  const model = onnxModel(head(b, b.node('MatMul', [tensor, weights])));
  expect(model.layers.map(({ name }) => name)).toEqual(['w']);
  expect(model.split(['w'], []).head).toBeDefined();
});
