/** Graphs and tensors that contradict themselves are refused by name, before anything walks them. */
import { create } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
import { AttributeProtoSchema, type GraphProto } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

/** x → Gemm (fc) → h → Relu → y. */
function healthy(): ModelBuilder {
  const b = new ModelBuilder();
  b.node('Gemm', [b.input('x', [undefined, 3]), b.weight('w', [3, 2])], {}, ['h'], 'fc');
  b.node('Relu', ['h'], {}, ['y'], 'relu');
  return b.output('y', [undefined, 2]);
}

function nested(b: ModelBuilder, depth: number): void {
  let graph: GraphProto = new ModelBuilder().graph();
  for (let i = 0; i < depth; i++) {
    const outer = new ModelBuilder();
    outer.node('If', ['x'], { then_branch: { graph } });
    graph = outer.graph();
  }
  b.nodes[1]!.attribute.push(create(AttributeProtoSchema, { name: 'body', g: graph }));
}

const CASES: [what: string, change: (b: ModelBuilder) => void, line: string][] = [
  [
    'a cycle',
    (b) => {
      b.nodes[0]!.input[0] = 'y';
    },
    "node 0 (Gemm 'fc') reads 'y', which is made from what it makes itself: the graph has a cycle",
  ],
  [
    'a node that reads itself',
    (b) => {
      b.nodes[1]!.input[0] = 'y';
    },
    "node 1 (Relu 'relu') reads 'y', which is made from what it makes itself: the graph has a cycle",
  ],
  [
    'a dangling input',
    (b) => {
      b.nodes[1]!.input[0] = 'nowhere';
    },
    "node 1 (Relu 'relu') reads 'nowhere', which nothing makes",
  ],
  [
    'a dangling output',
    (b) => {
      b.output('nowhere');
    },
    "its output 'nowhere' is made by nothing",
  ],
  [
    'two initializers of a name',
    (b) => b.weight('w', [1]),
    "two tensors are called 'w', one is an initializer",
  ],
  ['two inputs of a name', (b) => b.input('x', [1]), "two inputs are called 'x'"],
  [
    'two makers of a tensor',
    (b) => b.node('Relu', ['x'], {}, ['y']),
    "two tensors are called 'y', one is made by node 2 (Relu 'y')",
  ],
  ['a node without output', (b) => b.node('Relu', ['x'], {}, []), 'node 2 (Relu) has no output'],
  [
    'a layer without weights',
    (b) => {
      b.nodes[0]!.input.length = 1;
    },
    "node 0 (Gemm 'fc') lacks input 1 of 2",
  ],
  [
    'a negative dim',
    (b) => {
      b.initializers[0]!.dims = [-3n, -2n];
    },
    "tensor 'w' of dims [-3, -2]: a dim is negative",
  ],
  [
    'dims that overflow',
    (b) => {
      b.initializers[0]!.dims = [2n ** 62n, 2n ** 62n];
    },
    "tensor 'w' of dims [4611686018427387904, 4611686018427387904] needs 85070591730234615865843651857942052864 bytes, it has 24",
  ],
  [
    'dims without data',
    (b) => {
      b.initializers[0]!.rawData = new Uint8Array();
    },
    "tensor 'w' of dims [3, 2] needs 6 values, it has 0",
  ],
];

describe('refused', () => {
  test.each(CASES)('%s', (_, change, line) => {
    const b = healthy();
    change(b);
    const bytes = b.build();
    expect(() => onnxModel(bytes)).toThrow(
      new InputError('BAD_FILE', `the data is not a valid ONNX model: ${line}; export it again`),
    );
  });
});

test('graphs in graphs without end are not decoded', () => {
  const b = healthy();
  nested(b, 60);
  const bytes = b.build();
  expect(() => onnxModel(bytes)).toThrow(
    new InputError(
      'BAD_FILE',
      'the data is not an ONNX model: it cannot be decoded; export or fetch it again',
    ),
  );
});

test('graphs within measure, and names of every kind, are no reason', () => {
  const b = healthy();
  nested(b, 20);
  b.weight('__proto__', [2]);
  b.weight('', [0]);
  expect(onnxModel(b.build()).layers).toMatchObject([{ name: 'w' }]);
});
