import { expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';

test('a graph model names what holds weights and is no layer, each tensor once', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 8, 8, 3]);
  const conv = b.node('Conv2D', 'c', [x, b.weight('conv/kernel', [3, 3, 3, 4])], {
    padding: { s: btoa('SAME') },
  });
  const sum = b.node('AddV2', 's', [conv, b.weight('beta', [1, 1, 1, 4])]);
  const depth = b.node('DepthwiseConv2dNative', 'd', [sum, b.weight('deep/kernel', [3, 3, 4, 1])]);
  b.node('GatherV2', 'g', [b.weight('table', [10, 4]), b.integers('ids', [1])]);
  b.node('Einsum', 'e', [depth, b.weight('mixed', [4, 5])]);
  b.node('MatMul', 'y', [depth, b.weight('fc/kernel', [4, 2])]);
  b.node('MatMul', 'idle', [
    b.node('Relu', 'r', [b.weight('rows', [3, 4])]),
    b.weight('still/kernel', [4, 2]),
  ]);
  b.output('idle', [3, 2]);
  const { layers, skipped } = await tfjsModel(b.output('y', [undefined, 2]).build());
  expect(layers.map(({ name }) => name)).toEqual(['fc']);
  expect(skipped).toEqual([
    { name: 'conv', reason: 'a 3×3 convolution: it is compressed where it is named', parameters: 108 },
    {
      name: 'deep',
      reason: 'a depthwise convolution: each filter reads one channel, so that it has no columns to share',
      parameters: 36,
    },
    { name: 'mixed', reason: 'Einsum may multiply in any order', parameters: 20 },
    { name: 'table', reason: 'nothing that depends on the inputs of the model reads it', parameters: 40 },
    { name: 'rows', reason: 'nothing that depends on the inputs of the model reads it', parameters: 12 },
    {
      name: 'still/kernel',
      reason: 'nothing that depends on the inputs of the model reads it',
      parameters: 8,
    },
  ]);
});
