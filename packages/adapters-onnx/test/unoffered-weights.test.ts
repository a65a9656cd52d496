import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  SparseTensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { floatTensor, int64Tensor } from '../src/proto/tensor-values.js';
import { ModelBuilder, randomValues } from './build-model.js';

const FLOAT = 1;
const UINT8 = 2;
const BOOL = 9;
const MICROSOFT = 'com.microsoft';
const ONLY = 'only fully connected layers are compressed';

/** A builder with an input of each type that the operators below read. */
function started(): ModelBuilder {
  const b = new ModelBuilder();
  b.input('x', [undefined, 4]);
  b.input('image', [undefined, 4, 8, 8]);
  b.input('ids', [undefined], 7);
  b.input('condition', [], BOOL);
  return b.output('x');
}

function skippedOf(b: ModelBuilder, change: (model: ModelProto) => void = () => {}) {
  const model = fromBinary(ModelProtoSchema, b.build());
  change(model);
  const { layers, skipped, parameters } = onnxModel(toBinary(ModelProtoSchema, model));
  // Parameters inside functions, branches and sparse tensors are the model's too; those that are packed are no floats.
  if (!skipped.some(({ reason }) => reason.includes('quantised'))) {
    expect(parameters).toBeGreaterThanOrEqual(skipped.reduce((sum, own) => sum + own.parameters, 0));
  }
  return { layers: layers.map(({ name }) => name), skipped };
}

/** What holds weights, with the name, the reason and the number of values that are expected. */
const KINDS: Record<string, [(b: ModelBuilder, w: string) => void, string, number]> = {
  'a 3×3 convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [6, 4, 3, 3]), b.weight(`${w}.bias`, [6])]),
    `a 3×3 convolution: ${ONLY}`,
    216,
  ],
  'a depthwise convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [4, 1, 3, 3])], { group: 4 }),
    `a depthwise convolution: ${ONLY}`,
    36,
  ],
  'a grouped convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [4, 2, 1, 1])], { group: 2 }),
    `a grouped 1×1 convolution: ${ONLY}`,
    8,
  ],
  'a transposed convolution': [
    (b, w) => b.node('ConvTranspose', ['image', b.weight(`${w}.weight`, [4, 2, 2, 2])]),
    `a transposed convolution: ${ONLY}`,
    32,
  ],
  'an embedding': [
    (b, w) => b.node('Gather', [b.weight(`${w}.weight`, [10, 4]), 'ids']),
    `a table that Gather looks up: ${ONLY}`,
    40,
  ],
  'a recurrent layer': [
    (b, w) => b.node('LSTM', ['x', b.weight(`${w}.weight`, [1, 12, 4]), b.weight(`${w}.r`, [1, 12, 3])]),
    `a recurrent layer (LSTM): ${ONLY}`,
    84,
  ],
  Einsum: [
    (b, w) => b.node('Einsum', ['x', b.weight(`${w}.weight`, [4, 3])]),
    `a product by Einsum, which may sum over any axes: ${ONLY}`,
    12,
  ],
  Attention: [
    (b, w) => b.node('Attention', ['x', b.weight(`${w}.weight`, [4, 12])], {}, [`${w}_y`], w, MICROSOFT),
    'Attention is not a standard operator',
    48,
  ],
  MatMulNBits: [
    (b, w) => {
      const packed = {
        ...floatTensor(`${w}.weight`, [3, 1, 8], FLOAT, new Float32Array(24)),
        dataType: UINT8,
      };
      b.initializers.push({ ...packed, rawData: new Uint8Array(24) });
      const inputs = ['x', `${w}.weight`, b.weight(`${w}.scales`, [3, 1])];
      b.node('MatMulNBits', inputs, { K: 4, N: 3, bits: 4, block_size: 16 }, [`${w}_y`], w, MICROSOFT);
    },
    'its weights are quantised in a MatMulNBits, which no option dequantises',
    12,
  ],
  'a branch': [
    (b, w) => {
      const body = new ModelBuilder();
      body.node('MatMul', ['x', body.weight(`${w}.weight`, [4, 2])], {}, ['out']);
      const branch = { graph: body.output('out').graph() };
      const empty = new ModelBuilder();
      empty.node('Identity', ['x'], {}, ['out']);
      const other = { graph: empty.output('out').graph() };
      b.node('If', ['condition'], { then_branch: branch, else_branch: other }, [`${w}_y`], `${w}_if`);
    },
    'it is inside the If NAME_if, whose subgraphs are left alone',
    8,
  ],
  'weights from outside in a branch': [
    (b, w) => {
      b.weight(`${w}.weight`, [4, 5]);
      const body = new ModelBuilder();
      body.node('MatMul', ['x', `${w}.weight`], {}, ['out']);
      const branch = { graph: body.output('out').graph() };
      const empty = new ModelBuilder();
      empty.node('Identity', ['x'], {}, ['out']);
      const other = { graph: empty.output('out').graph() };
      b.node('If', ['condition'], { then_branch: branch, else_branch: other }, [`${w}_y`], `${w}_if`);
    },
    'it is inside the If NAME_if, whose subgraphs are left alone',
    20,
  ],
  'computed weights': [
    (b, w) => {
      const half = b.node('Mul', [b.weight(`${w}.weight`, [2, 4]), b.weight(`${w}.half`, [])]);
      b.node('MatMul', ['x', b.node('Transpose', [half])], {}, [`${w}_y`], w);
    },
    'its weights are computed by Transpose: fold constants first',
    8,
  ],
  'a table that is added': [
    (b, w) => b.node('Add', ['x', b.weight(`${w}.weight`, [3, 4])]),
    `an operand of Add: ${ONLY}`,
    12,
  ],
  'weights that nothing reads': [
    (b, w) => b.weight(`${w}.weight`, [3, 4]),
    'nothing that depends on the inputs of the model reads it',
    12,
  ],
};

test.each(Object.entries(KINDS))('%s is named with its reason', (_, [build, reason, parameters]) => {
  const b = started();
  build(b, 'part');
  b.node('Relu', ['x']);
  const expected = { name: 'part', reason: reason.replace('NAME', 'part'), parameters };
  expect(skippedOf(b)).toEqual({ layers: [], skipped: [expected] });
});

test('layers and what is left alone have all weights between them, each once', () => {
  const kind = fc.constantFrom('layer', ...Object.keys(KINDS));
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 12 }), (kinds) => {
      const b = started();
      b.node('Relu', ['x']);
      let expected = 0;
      for (const [i, name] of kinds.entries()) {
        if (name === 'layer') b.node('MatMul', ['x', b.weight(`part${i}.weight`, [4, 7])]);
        else KINDS[name]![0](b, `part${i}`);
        expected += name === 'layer' ? 28 : KINDS[name]![2];
      }
      const { layers, skipped } = onnxModel(b.build());
      const found = [
        ...layers.map(({ outputs, inputs }) => outputs * inputs),
        ...skipped.map((s) => s.parameters),
      ];
      expect(found.reduce((sum, values) => sum + values, 0)).toBe(expected);
      const names = [...layers, ...skipped].map(({ name }) => name);
      expect(new Set(names)).toEqual(new Set(kinds.map((_, i) => `part${i}`)));
      expect(names.length).toBe(kinds.length);
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('parameters of features are no weights', () => {
  const b = started();
  b.node('Mul', ['x', b.weight('gamma', [1, 4])]);
  b.node('Add', ['x', b.weight('epsilon', [1, 1])]);
  b.node('BatchNormalization', ['image', ...['s', 'b', 'm', 'v'].map((name) => b.weight(name, [4]))]);
  expect(skippedOf(b).skipped).toEqual([]);
});

test('the weights of an offered layer are its own, whoever else reads them', () => {
  const b = started();
  const table = b.weight('tied.weight', [4, 10]);
  b.node('Gather', [table, 'ids']);
  b.node('MatMul', ['x', table]);
  expect(skippedOf(b)).toEqual({ layers: ['tied'], skipped: [] });
});

describe('functions', () => {
  const body = (inputs: string[], nodes: Parameters<typeof create<typeof NodeProtoSchema>>[1][]) =>
    create(FunctionProtoSchema, {
      name: 'Block',
      domain: 'own',
      input: inputs,
      output: ['y'],
      node: nodes as never,
    });

  test('weights that are passed to one', () => {
    const b = started();
    b.node('Block', ['x', b.weight('block.weight', [4, 4])], {}, ['z'], 'call', 'own');
    const { skipped } = skippedOf(b, (model) => {
      model.functions.push(body(['x', 'w'], [{ opType: 'MatMul', input: ['x', 'w'], output: ['y'] }]));
    });
    const reason = 'it is passed to the function Block, which is left alone';
    expect(skipped).toEqual([{ name: 'block', reason, parameters: 16 }]);
  });

  test('a call of one stops what would fold, and says so', () => {
    const b = started();
    b.node('Block', ['x'], {}, ['z'], 'call', 'own');
    const model = fromBinary(ModelProtoSchema, b.build());
    model.functions.push(body(['x'], [{ opType: 'Relu', input: ['x'], output: ['y'] }]));
    const { graph } = onnxModel(toBinary(ModelProtoSchema, model));
    expect(graph.producer('z')!.effect).toEqual({
      type: 'other',
      reason: 'is a call of a function of the model: inline functions first',
    });
  });

  test('weights inside one, once however often it is called', () => {
    const b = started();
    b.node('Block', ['x'], {}, ['z1'], 'call1', 'own');
    b.node('Block', ['x'], {}, ['z2'], 'call2', 'own');
    const value = create(AttributeProtoSchema, {
      name: 'value',
      type: AttributeType.TENSOR,
      t: floatTensor('', [4, 4], FLOAT, randomValues(16, 1)),
    });
    const { skipped } = skippedOf(b, (model) => {
      model.functions.push(
        body(
          ['x'],
          [
            { opType: 'Constant', output: ['inner.weight'], attribute: [value] },
            { opType: 'MatMul', input: ['x', 'inner.weight'], output: ['y'] },
          ],
        ),
      );
    });
    const reason = 'it is inside the function Block, which is left alone';
    expect(skipped).toEqual([{ name: 'inner', reason, parameters: 16 }]);
  });
});

test('sparse weights count the values that are stored', () => {
  const b = started();
  b.node('MatMul', ['x', 'sparse.weight']);
  const { skipped } = skippedOf(b, (model) => {
    const values = floatTensor('sparse.weight', [2], FLOAT, Float32Array.of(1, 2));
    const indices = int64Tensor('', [0, 5]);
    model.graph!.sparseInitializer.push(create(SparseTensorProtoSchema, { values, indices, dims: [4n, 3n] }));
  });
  const reason = 'its weights are stored sparse, read by MatMul: only dense ones are compressed';
  expect(skipped).toEqual([{ name: 'sparse', reason, parameters: 2 }]);
});
