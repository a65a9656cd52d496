/** What a rewrite leaves alone: other weights, the original model, names, and everything that others use. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { denseMatrix, type LayerRewrite, type Model } from '@spherize/core';
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { madeBy } from './made-by.js';
import { addLayer, type LayerForm } from './random-models.js';
import { expectClose, run } from './running.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spherize-rewrite-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function encoded(model: Model): Promise<{ bytes: Uint8Array; proto: ModelProto }> {
  const path = join(folder, 'model.onnx');
  await model.write(path);
  const bytes = new Uint8Array(await readFile(path));
  return { bytes, proto: fromBinary(ModelProtoSchema, bytes) };
}

const PLAIN: LayerForm = {
  operator: 'gemm',
  transA: false,
  transB: true,
  alpha: 1,
  beta: 1,
  bias: 'vector',
  storage: 'initializer',
};
const CLUSTERS = clustering(3, [0, 1, 0, -1, 1, 2], 1);

function twoLayers(form: LayerForm = PLAIN, b: ModelBuilder = new ModelBuilder()): ModelBuilder {
  const x = b.input('x', [undefined, 4]);
  const h = addLayer(b, form, x, denseMatrix(6, 4, randomValues(24, 2)), 'first');
  addLayer(b, form, b.node('Relu', [h]), clusteredWeights(CLUSTERS), 'second');
  return b.output('second_out', [undefined, 3]);
}

function halved(model: Model, layer: string): LayerRewrite {
  const { inputs, outputs } = model.layers.find(({ name }) => name === layer)!;
  return {
    layer,
    weights: denseMatrix(outputs, inputs / 2),
    bias: model.bias(layer) ?? null,
    input: { gather: null, multiply: null, groups: [{ size: 2, count: inputs / 2 }] },
  };
}

describe('bytes', () => {
  test('an unchanged model is written as it was read, and so is an empty rewrite', async () => {
    const bytes = twoLayers().build();
    const model = onnxModel(bytes);
    expect((await encoded(model)).bytes).toEqual(bytes);
    expect((await encoded(model.rewrite({ layers: [], features: [] }))).bytes).toEqual(bytes);
  });

  test('a model with an input to turn is written as it was read', async () => {
    const bytes = twoLayers({ ...PLAIN, transA: true }).build();
    expect((await encoded(onnxModel(bytes))).bytes).toEqual(bytes);
  });

  test('weights that are not touched stay byte for byte, and the original stays as it is', async () => {
    const bytes = twoLayers().build();
    const copy = bytes.slice();
    const model = onnxModel(bytes);
    const before = fromBinary(ModelProtoSchema, copy);
    const after = await encoded(model.rewrite({ layers: [halved(model, 'second')], features: [] }));
    for (const name of ['first.weight', 'first.bias', 'second.bias']) {
      const [old, now] = [before, after.proto].map((proto) =>
        proto.graph!.initializer.find((tensor) => tensor.name === name),
      );
      expect(now?.rawData).toEqual(old?.rawData);
    }
    expect(bytes).toEqual(copy);
    expect((await encoded(model)).bytes).toEqual(copy);
  });

  test('a folded rewrite has exactly the bytes of a smaller layer and the nodes of the cluster sum', async () => {
    const model = onnxModel(twoLayers().build());
    const { proto } = await encoded(compressExactly(model, 'second', CLUSTERS).model);
    expect(proto.graph!.node.map(({ opType }) => opType)).toEqual([
      'Gemm',
      'Relu',
      'Split',
      'Reshape',
      'ReduceSum',
      'Concat',
      'Gemm',
    ]);
    const shapes = proto.graph!.initializer.filter(({ dataType }) => dataType === DataType.FLOAT);
    // The neuron that feeds the column of zeros is gone.
    expect(shapes.map(({ name, dims }) => [name, ...dims.map(Number)])).toEqual([
      ['first.weight', 5, 4],
      ['first.bias', 5],
      ['second.weight', 3, 3],
      ['second.bias', 3],
    ]);
  });
});

describe('names', () => {
  test('layers, nodes and outputs keep theirs, also when the file is read again', async () => {
    for (const storage of ['initializer', 'constant', 'identity', 'transpose'] as const) {
      const model = onnxModel(twoLayers({ ...PLAIN, storage }).build());
      const { bytes, proto } = await encoded(compressExactly(model, 'second', CLUSTERS).model);
      const again = onnxModel(bytes);
      expect(again.layers.map(({ name, inputs, outputs }) => [name, inputs, outputs])).toEqual([
        ['first', 4, 5],
        ['second', 3, 3],
      ]);
      // What stood between the constants and the layers is gone.
      const left = proto.graph!.node.map(({ opType }) => opType);
      for (const gone of ['Constant', 'Identity', 'Transpose']) expect(left).not.toContain(gone);
    }
  });

  test('new names avoid those in use', async () => {
    const b = twoLayers();
    b.output(b.node('Abs', ['x'], {}, ['second/split']));
    const { model } = compressExactly(onnxModel(b.build()), 'second', CLUSTERS, { fold: false });
    const { proto } = await encoded(model);
    const names = proto.graph!.node.flatMap(({ output }) => output);
    expect(new Set(names).size).toBe(names.length);
    await run(model, { x: { shape: [1, 4], data: new Float32Array(4) } });
  });
});

describe('shared constants', () => {
  test('a bias that two layers share is replaced for one of them only', async () => {
    const b = new ModelBuilder();
    const bias = b.weight('bias', [4]);
    const h = b.node('Gemm', [b.input('x', [undefined, 4]), b.weight('a.weight', [4, 4]), bias]);
    b.node('Gemm', [h, b.weight('b.weight', [4, 4]), bias], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    const changed = model.rewrite({
      layers: [{ layer: 'b', weights: model.weights('b'), bias: new Float32Array(4), input: null }],
      features: [],
    });
    expect(changed.bias('a')).toEqual(model.bias('a'));
    expect([...changed.bias('b')!]).toEqual([0, 0, 0, 0]);
  });

  test('tied weights are replaced for one layer only, which keeps its name', async () => {
    const b = new ModelBuilder();
    const h = b.node('Gemm', [b.input('x', [undefined, 4]), b.weight('tied.weight', [4, 4])]);
    b.node('Gemm', [h, 'tied.weight'], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    for (const [layer, other] of [
      ['tied', 'tied#2'],
      ['tied#2', 'tied'],
    ] as const) {
      const { bytes } = await encoded(model.rewrite({ layers: [halved(model, layer)], features: [] }));
      const again = onnxModel(bytes);
      expect(again.layers.map(({ name }) => name)).toEqual(['tied', 'tied#2']);
      expect(again.layers.find(({ name }) => name === layer)?.inputs).toBe(2);
      expect(again.weights(other)).toEqual(model.weights(other));
    }
  });
});

test('recorded shapes between a shrunken layer and the next are forgotten, and no others', async () => {
  const b = twoLayers();
  for (const [name, width] of [
    ['first_out', 6],
    [b.nodes[1]!.output[0]!, 6],
    ['second_out', 3],
  ] as const) {
    b.valueInfo.push({
      ...b.outputs[0]!,
      name,
      type: new ModelBuilder().output('', [2, width]).outputs[0]!.type!,
    });
  }
  const { model } = compressExactly(onnxModel(b.build()), 'second', CLUSTERS);
  const { proto } = await encoded(model);
  expect(proto.graph!.valueInfo.map(({ name }) => name)).toEqual(['second_out']);
  await run(model, { x: { shape: [2, 4], data: new Float32Array(8) } });
});

test('before IR version 4 the inputs follow the initializers', async () => {
  const model = onnxModel(twoLayers(PLAIN, new ModelBuilder(9, 3)).build());
  const smaller = compressExactly(model, 'second', CLUSTERS).model;
  const { proto } = await encoded(smaller);
  const inputs = new Set(proto.graph!.input.map(({ name }) => name));
  for (const { name } of proto.graph!.initializer) expect(inputs).toContain(name);
  const x = { shape: [2, 4], data: randomValues(8, 3) };
  expectClose((await run(smaller, { x })).second_out, (await run(model, { x })).second_out);
});

test.each([
  ['FLOAT16', 2e-3],
  ['DOUBLE', 2e-6],
] as const)('%s weights, factors and bias are written in their own type', async (type, tolerance) => {
  const dataType = DataType[type];
  for (const fold of [true, false]) {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 4], dataType);
    const first = b.weight('first.weight', [4, 6], randomValues(24, 2), dataType);
    const h = b.node('Relu', [b.node('Gemm', [x, first, b.weight('first.bias', [6], undefined, dataType)])]);
    const weights = clusteredWeights(CLUSTERS).data;
    b.node('Gemm', [h, b.weight('second.weight', [3, 6], weights, dataType)], { transB: 1 }, ['y']);
    const model = onnxModel(b.output('y', [undefined, 3], dataType).build());
    const smaller = compressExactly(model, 'second', CLUSTERS, { fold }).model;
    const { proto } = await encoded(smaller);
    const floats = proto.graph!.initializer.filter(
      (t) => t.dataType !== DataType.INT64 && t.dataType !== DataType.INT32,
    );
    expect(new Set(floats.map((tensor) => tensor.dataType))).toEqual(new Set([dataType]));
    const input = { x: { shape: [5, 4], data: randomValues(20, 3) } };
    expectClose((await run(smaller, input)).y, (await run(model, input)).y, tolerance);
  }
});

test('a bias that is written again no longer has a factor', async () => {
  const model = onnxModel(twoLayers({ ...PLAIN, alpha: 0.5, beta: 2 }).build());
  const [weights, bias] = [model.weights('second'), model.bias('second')!];
  const same = model.rewrite({ layers: [{ layer: 'second', weights, bias, input: null }], features: [] });
  expect(same.bias('second')).toEqual(bias);
  const x = { shape: [2, 4], data: randomValues(8, 3) };
  expectClose((await run(same, { x })).second_out, (await run(model, { x })).second_out);
});

test('what cannot be done is said', () => {
  const model = onnxModel(twoLayers().build());
  const rewrite = halved(model, 'second');
  expect(() => model.rewrite({ layers: [rewrite, rewrite], features: [] })).toThrow('rewritten twice');
  expect(() => model.rewrite({ layers: [{ ...rewrite, layer: 'third' }], features: [] })).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_NAME' }),
  );
  const order = Int32Array.of(0, 1);
  const operation = madeBy(model, model.layers[1]!.input).name;
  expect(() => model.rewrite({ layers: [], features: [{ operation, order, scales: null }] })).toThrow(
    'has no parameters per feature',
  );
  const shrunk = { layer: 'second', weights: denseMatrix(2, 6), bias: new Float32Array(2), input: null };
  expect(() => model.rewrite({ layers: [shrunk], features: [] })).toThrow(
    "2 rows in place of 3 outputs: they reach the model's output",
  );
});
