import { create } from '@bufbuild/protobuf';
import { denseMatrix, planFold } from '@spherize/core';
import { TensorProto_DataType as DataType, TensorProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';
import { madeBy } from './made-by.js';
import { addLayer, type LayerForm } from './random-models.js';

const W = denseMatrix(2, 3, Float32Array.of(1, 2, 3, 4, 5, 6));
const GEMM: LayerForm = {
  operator: 'gemm',
  transA: false,
  transB: true,
  alpha: 1,
  beta: 1,
  bias: 'none',
  storage: 'initializer',
};

/** A model of one layer `weight` of shape [3, 2], as MatMul. */
function named(weight: string, node: string) {
  const b = new ModelBuilder();
  b.node('MatMul', [b.input('x', [undefined, 3]), b.weight(weight, [3, 2])], {}, ['y'], node);
  return onnxModel(b.output('y').build());
}

describe('names', () => {
  test.each([
    ['classifier.1.weight', 'node', 'classifier.1'],
    ['fc1_weight', 'node', 'fc1'],
    ['dense/kernel', 'node', 'dense'],
    ['dense/kernel:0', 'node', 'dense'],
    ['model/dense/MatMul/ReadVariableOp:0', 'node', 'model/dense'],
    ['fc6_w_0', 'node', 'fc6_w_0'],
    ['weight', 'node', 'weight'],
    ['onnx::MatMul_123', '/fc/MatMul', '/fc/MatMul'],
    ['42', '/fc/MatMul', '/fc/MatMul'],
    ['42', '', 'y'],
  ])('weights %s of node %s are called %s', (weight, node, name) => {
    const [layer] = named(weight, node).layers;
    expect(layer?.name).toBe(name);
    const aliases = [node, weight].filter((alias) => alias !== name && alias !== '');
    expect(layer?.aliases).toEqual(aliases);
  });

  test('names are unique, and stay when a model is split', () => {
    const b = new ModelBuilder();
    const first = b.node('MatMul', [b.input('x', [undefined, 3]), b.weight('tied.weight', [3, 3])]);
    b.node('MatMul', [first, 'tied.weight'], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect(model.layers.map(({ name, shared }) => [name, shared])).toEqual([
      ['tied', true],
      ['tied#2', true],
    ]);
    expect(model.split(['tied#2'], []).tail.layers.map(({ name }) => name)).toEqual(['tied#2']);
  });

  test('an unknown layer is refused with the known ones', () => {
    expect(() => named('fc.weight', 'node').weights('fc2')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', message: expect.stringContaining('there are: fc') }),
    );
  });
});

describe('weights and bias', () => {
  const storages = ['initializer', 'constant', 'identity', 'transpose'] as const;
  const forms = [false, true].flatMap((transB) =>
    storages.flatMap((storage) =>
      ([1, 0.5] as const).map((alpha): LayerForm => ({ ...GEMM, transB, storage, alpha })),
    ),
  );
  test.each([...forms, ...storages.map((storage): LayerForm => ({ ...GEMM, operator: 'matmul', storage }))])(
    'W is [outputs, inputs] with alpha: %j',
    (form) => {
      const b = new ModelBuilder();
      addLayer(b, form, b.input('x', [undefined, 3]), W, 'fc');
      const model = onnxModel(b.output('fc_out').build());
      expect(model.layers).toMatchObject([{ name: 'fc', outputs: 2, inputs: 3, input: 'x', shared: false }]);
      expect(model.weights('fc')).toEqual(W);
      expect(model.bias('fc')).toBeUndefined();
    },
  );

  test.each([
    ['vector', 1],
    ['row', 2],
    ['scalar', 0.5],
    ['one', 1],
  ] as const)('a Gemm bias as %s times beta %d is one value per output', (bias, beta) => {
    const b = new ModelBuilder();
    addLayer(b, { ...GEMM, bias, beta }, b.input('x', [undefined, 3]), W, 'fc');
    const held = new Float32Array(b.initializers.find(({ name }) => name === 'fc.bias')!.rawData.buffer);
    const model = onnxModel(b.output('fc_out').build());
    expect([...model.bias('fc')!]).toEqual([0, 1].map((i) => Math.fround(beta * (held[i] ?? held[0]!))));
  });

  test('a C that varies or differs between samples is no bias, and the layer takes nothing from later ones', () => {
    for (const dims of [[4, 2], undefined]) {
      const b = new ModelBuilder();
      const c = dims ? b.weight('c', dims) : b.input('c', [4, 2]);
      b.node('Gemm', [b.input('x', [4, 3]), b.weight('fc.weight', [3, 2]), c], {}, ['y']);
      const model = onnxModel(b.output('y').build());
      expect(model.bias('fc')).toBeUndefined();
      expect(madeBy(model, 'y').effect?.type).toBe('other');
    }
  });

  test('the Add of a constant is part of a MatMul layer only when nothing else reads the product', () => {
    const b = new ModelBuilder();
    const product = b.node('MatMul', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 2])]);
    b.node('Add', [product, b.weight('fc.bias', [2])], {}, ['y']);
    expect(onnxModel(b.output('y').build()).bias('fc')).toHaveLength(2);
    const shared = onnxModel(b.output(product).build());
    expect(shared.bias('fc')).toBeUndefined();
    expect(madeBy(shared, 'y')).toMatchObject({ label: 'Add', effect: { type: 'shift' } });
    expect(planFold(shared.graph, product, 2).reason).toBe(`${product} has other consumers`);
  });

  test.each(['FLOAT16', 'BFLOAT16', 'DOUBLE'] as const)('%s weights are read as float32', (type) => {
    const b = new ModelBuilder();
    const values = Float32Array.of(0.5, -1, 2, 0, -0.25, 3);
    b.weight('fc.weight', [2, 3], values, DataType[type]);
    const x = b.input('x', [undefined, 3], DataType[type]);
    b.node('Gemm', [x, 'fc.weight'], { transB: 1 }, ['y']);
    expect(onnxModel(b.output('y').build()).weights('fc').data).toEqual(values);
  });
});

test('a weight that an If branch reads is shared', () => {
  const branch = new ModelBuilder();
  branch.node('Identity', ['fc.weight'], {}, ['inner']);
  const graph = branch.output('inner', [3, 2]).graph();
  const b = new ModelBuilder();
  b.node('MatMul', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 2])], {}, ['y']);
  b.node('If', [b.input('condition', [], DataType.BOOL)], {
    then_branch: { graph },
    else_branch: { graph },
  });
  const model = onnxModel(b.output('y').build());
  expect(model.layers).toMatchObject([{ name: 'fc', shared: true }]);
});

describe('skipped', () => {
  /** A 3 × 2 matrix of zeros. */
  const integers = (name: string, dataType: number, bytes: number) =>
    create(TensorProtoSchema, { name, dataType, dims: [3n, 2n], rawData: new Uint8Array(6 * bytes) });
  const cases: Record<string, (b: ModelBuilder, x: string) => void> = {
    'its weights are quantised as int8: --dequantize compresses them as floats': (b, x) => {
      b.initializers.push(integers('q', DataType.INT8, 1));
      const w = b.node('DequantizeLinear', ['q', b.weight('scale', [])]);
      b.node('MatMul', [x, w], {}, ['y']);
    },
    'its weights are quantised as string in a way that is not supported': (b, x) => {
      b.initializers.push({ ...b.initializers[0]!, name: 'q', dataType: DataType.STRING, dims: [3n, 2n] });
      b.node('MatMul', [x, b.node('DequantizeLinear', ['q', b.weight('scale', [])])], {}, ['y']);
    },
    'its weights are quantised in a MatMulInteger, which no option dequantises': (b, x) => {
      b.node('MatMulInteger', [x, b.weight('w', [3, 2])], {}, ['y']);
    },
    'its weights are computed by Mul: fold constants first': (b, x) => {
      b.node('MatMul', [x, b.node('Mul', [b.weight('w', [3, 2]), b.weight('s', [])])], {}, ['y']);
    },
    'its right operand is an input of the model: only constants can be compressed': (b, x) => {
      b.node('MatMul', [x, b.input('w', [3, 2])], {}, ['y']);
    },
    'its weights have 3 axes, not two': (b, x) => {
      b.node('MatMul', [x, b.weight('w', [1, 3, 2])], {}, ['y']);
    },
    'its weights are of type int32': (b, x) => {
      b.initializers.push(integers('w', DataType.INT32, 4));
      b.node('MatMul', [x, 'w'], {}, ['y']);
    },
  };
  test.each(Object.entries(cases))('%s', (reason, build) => {
    const b = new ModelBuilder();
    b.weight('unused', [1]);
    build(b, b.input('x', [4, 3]));
    const model = onnxModel(b.output('y').build());
    expect(model.layers).toEqual([]);
    expect(model.skipped).toMatchObject([{ reason }]);
  });

  test('products of what constants alone compute', () => {
    const b = new ModelBuilder();
    const rows = b.node('Relu', [b.weight('rows', [4, 3])]);
    b.node('MatMul', [rows, b.weight('w', [3, 2])], {}, ['fixed']);
    b.node('Relu', [b.input('x', [4, 3])], {}, ['y']);
    const { layers, skipped } = onnxModel(b.output('fixed').output('y').build());
    expect(layers).toEqual([]);
    const reason = 'nothing that depends on the inputs of the model reads it';
    expect(skipped).toMatchObject([
      { name: 'rows', reason },
      { name: 'w', reason },
    ]);
  });

  test('layers inside branches and loops are named', () => {
    const body = new ModelBuilder();
    const own = body.node('MatMul', ['x', body.weight('inner.weight', [3, 3])]);
    const outer = body.node('Gemm', [own, body.node('Identity', ['outer.weight'])], {}, ['out'], 'deep');
    const graph = body.output(outer, [4, 3]).graph();
    const b = new ModelBuilder();
    b.weight('outer.weight', [3, 3]);
    b.input('x', [4, 3]);
    const condition = b.input('condition', [], DataType.BOOL);
    b.node('If', [condition], { then_branch: { graph }, else_branch: { graph } }, ['y'], 'choice');
    const model = onnxModel(b.output('y').build());
    const reason = 'it is inside the If choice, whose subgraphs are left alone';
    expect(model.layers).toEqual([]);
    expect(model.skipped).toEqual([
      { name: 'inner', reason, parameters: 9 },
      { name: 'outer', reason, parameters: 9 },
      { name: 'inner#2', reason, parameters: 9 },
      // Both branches read the same tensor.
      { name: 'outer#2', reason, parameters: 0 },
    ]);
  });

  test('a product of two activations is no layer', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [4, 3]);
    b.node('MatMul', [x, b.node('Transpose', [x], { perm: [1, 0] })], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect([model.layers, model.skipped]).toEqual([[], []]);
  });

  test('before IR version 4 initializers are inputs too, and still constants', () => {
    const b = new ModelBuilder(8, 3);
    b.node('MatMul', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 2])], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    expect(model.layers).toHaveLength(1);
    expect(model.inputs).toEqual([{ name: 'x', shape: [undefined, 3] }]);
  });
});
