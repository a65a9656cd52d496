/** Models that contradict themselves, or are more work than they look: refused by name, or gone through in one pass. */
import { InputError } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';

/** x → Relu → MatMul (3 → 2) → y, changed. */
function changed(change: (nodes: Node[]) => void, values?: Float32Array): io.ModelArtifacts {
  const b = new GraphBuilder();
  const h = b.node('Relu', 'h', [b.input('x', [undefined, 3])]);
  b.node('MatMul', 'y', [h, b.weight('w', [3, 2], values)]);
  const model = b.output('y', [undefined, 2]).build();
  change((model.modelTopology as { node: Node[] }).node);
  return model;
}

interface Node {
  name: string;
  op: string;
  input: string[];
  attr: object;
}

const node = (op: string, name: string, ...input: string[]): Node => ({ name, op, input, attr: {} });

describe('refused', () => {
  test.each<[what: string, change: (nodes: Node[]) => void, line: string]>([
    ['two nodes of a name', (nodes) => nodes.push(node('Relu', 'h', 'x')), "two nodes are called 'h'"],
    [
      'a name of plain objects',
      (nodes) => nodes.push(node('Relu', 'constructor', 'x')),
      "a node is called 'constructor', which TensorFlow.js does not load",
    ],
    [
      'a dangling input',
      (nodes) => nodes.push(node('Relu', 'z', '^none')),
      "node 'z' reads '^none', which nothing makes",
    ],
    [
      'what a NoOp makes',
      (nodes) => nodes.push(node('NoOp', 'idle', 'x'), node('Softmax', 'z', 'idle')),
      "node 'z' reads 'idle', a NoOp, which makes nothing",
    ],
    [
      'a circle of nodes that hand on',
      (nodes) =>
        nodes.push(node('Identity', 'a', 'b'), node('Identity', 'b', 'a'), node('MatMul', 'z', 'x', 'a')),
      "node 'a' reads what it makes itself: the nodes form a circle",
    ],
  ])('%s', async (_, change, line) => {
    await expect(tfjsModel(changed(change))).rejects.toThrow(
      new InputError('BAD_FILE', `model.json: ${line}; save or convert the model again`),
    );
  });

  test('a weight that is no number', async () => {
    const model = changed(() => {}, Float32Array.of(1, 2, 3, NaN, 5, 6));
    await expect(tfjsModel(model)).rejects.toThrow(
      new InputError(
        'BAD_FILE',
        "model.json: weight 'w' has NaN at [1, 1], weights must be finite; save or convert the model again",
      ),
    );
  });
});

test('what TensorFlow.js stumbles over while it runs is one line', async () => {
  const b = new GraphBuilder();
  const parts = b.node(
    'SplitV',
    'parts',
    [b.input('x', [undefined, 3]), b.integers('sizes', [1, 3]), b.integers('axis', [1])],
    {
      num_split: { i: '2' },
    },
  );
  const model = await tfjsModel(b.output(b.node('Relu', 'y', [parts]), [undefined, 1]).build());
  const session = await model.session();
  const feeds = { x: { shape: [1, 3], data: new Float32Array(3) } };
  await expect(session.run(feeds)).rejects.toThrow(
    new InputError(
      'BAD_FILE',
      'TensorFlow.js cannot run the model: The sum of sizes must match the size of the axis dimension.; give inputs of its shapes, or save or convert it again',
    ),
  );
  await session.release();
});

test('a loop reads what its next round makes', async () => {
  const model = changed((nodes) =>
    nodes.push(
      node('Merge', 'merge', 'h', 'next'),
      node('Abs', 'body', 'merge'),
      node('NextIteration', 'next', 'body'),
    ),
  );
  expect((await tfjsModel(model)).layers).toHaveLength(1);
});

test('constants that are added to themselves, and a long chain', async () => {
  const model = changed((nodes) => {
    let tensor = 'w';
    let activation = 'h';
    for (let i = 0; i < 20_000; i++) {
      if (i < 60) nodes.push(node('AddV2', `sum${i}`, tensor, tensor));
      nodes.push(node('Relu', `relu${i}`, activation));
      tensor = `sum${Math.min(i, 59)}`;
      activation = `relu${i}`;
    }
    nodes.find(({ name }) => name === 'y')!.input[0] = activation;
    nodes.push(node('AddV2', 'z', 'y', tensor));
  });
  expect((await tfjsModel(model)).split(['w'], []).head).toBeDefined();
});

test('a fused product whose operands do not fit what is fused is left alone', async () => {
  const b = new GraphBuilder();
  const operands = [b.input('x', [undefined, 3]), b.weight('w', [3, 2]), b.weight('bias', [2])];
  b.fused('_FusedMatMul', 'y', operands, []);
  const { layers, skipped } = await tfjsModel(b.output('y', [undefined, 2]).build());
  expect(layers).toEqual([]);
  expect(skipped).toEqual([
    { name: 'w', reason: 'its operands do not fit its fused operations', parameters: 6 },
  ]);
});

test('an input too large to make up leaves the multiplications uncounted', async () => {
  const b = new GraphBuilder();
  b.node('MatMul', 'y', [b.input('x', [2 ** 40, 3]), b.weight('w', [3, 2])]);
  const model = await tfjsModel(b.output('y', [undefined, 2]).build());
  expect(await model.multiplyAccumulates?.()).toBeUndefined();
});

test('a LayersModel listed back to front, with a tensor that all of its layers read', async () => {
  const layer = (class_name: string, name: string, config: object, ...reads: string[]) => ({
    name,
    class_name,
    config: { name, ...config },
    inbound_nodes: reads.length > 0 ? [reads.map((read) => [read, 0, 0, {}])] : [],
  });
  const layers = [layer('InputLayer', 'l0', { batch_input_shape: [null, 4] })];
  for (let i = 1; i <= 20_000; i++) {
    layers.push(layer('Add', `l${i}`, {}, `l${i - 1}`, 'l0'));
  }
  layers.push(layer('Dense', 'last', { units: 1 }, 'l20000'));
  const { layers: found } = await tfjsModel({
    modelTopology: {
      class_name: 'Functional',
      config: { layers: layers.reverse(), input_layers: [['l0', 0, 0]], output_layers: [['last', 0, 0]] },
    },
    weightSpecs: [{ name: 'last/kernel', shape: [4, 1], dtype: 'float32' }],
    weightData: Float32Array.of(1, 2, 3, 4).buffer,
  });
  expect(found.map(({ name, inputs }) => [name, inputs])).toEqual([['last', 4]]);
});
