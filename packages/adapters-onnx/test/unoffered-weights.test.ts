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
import { type ModelBuilder, randomValues } from './build-model.js';
import { madeBy } from './made-by.js';
import { started, UNOFFERED } from './reasons/unoffered-cases.js';

const FLOAT = 1;

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

test('layers and what is left alone have all weights between them, each once', () => {
  const kind = fc.constantFrom('layer', ...Object.keys(UNOFFERED));
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 12 }), (kinds) => {
      const b = started();
      b.node('Relu', ['x']);
      let expected = 0;
      for (const [i, name] of kinds.entries()) {
        if (name === 'layer') b.node('MatMul', ['x', b.weight(`part${i}.weight`, [4, 7])]);
        else UNOFFERED[name]![0](b, `part${i}`);
        expected += name === 'layer' ? 28 : UNOFFERED[name]![1];
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
    expect(madeBy(onnxModel(toBinary(ModelProtoSchema, model)), 'z').effect).toEqual({
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
