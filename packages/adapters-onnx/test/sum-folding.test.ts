/** Where everything between two layers is linear, the first makes the clusters of the second and nothing is left of the sum. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type CompressedLayer,
  compressModel,
  denseMatrix,
  type Model,
  planRewrite,
  spherical,
} from '@spherize/core';
import { SUMMATION_TOLERANCE } from '@spherize/core/proof';
import fc from 'fast-check';
import { TensorProto_DataType as DataType, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { addLayer, addMiddle, layerForm, opset } from './random-models.js';
import { expectClose, run } from './running.js';

/** Linear operations between layers on samples of one axis. */
const FLAT = [
  'Dropout',
  'Identity',
  'Add per feature',
  'Sub per feature',
  'Sub from',
  'Mul scalar',
  'Reshape 0 n',
  'Reshape -1 n',
  'Reshape 0 -1',
  'Reshape traced',
  'Unsqueeze Squeeze',
] as const;
/** The same on samples of tokens. */
const TOKENS = ['Neg', 'average', 'mean', 'Add per feature', 'Cast'] as const;

function nodesOf(model: Model): string[] {
  return fromBinary(ModelProtoSchema, onnxBytes(model)).graph!.node.map(({ opType }) => opType);
}

/** Nodes that a model has and the one before it does not; what made constants may go. */
function added(before: Model, after: Model): string[] {
  const had = nodesOf(before);
  return nodesOf(after).filter((type) => {
    const at = had.indexOf(type);
    if (at >= 0) had.splice(at, 1);
    return at < 0;
  });
}

/** Any clusters of n columns, for an FC layer of m outputs. */
function randomClusters(outputs: number, columns: number, seed: number): CompressedLayer {
  const random = randomValues(2 * columns, seed);
  const clusters = Array.from({ length: columns }, (_, j) => Math.floor((random[j]! + 1) * 2.5) - 1);
  if (clusters.every((c) => c < 0)) clusters[0] = 0;
  const used = [...new Set(clusters.filter((c) => c >= 0))];
  return {
    assignment: Int32Array.from(clusters, (c) => used.indexOf(c)),
    scales: Float32Array.from({ length: columns }, (_, j) => Math.abs(random[columns + j]!)),
    centroids: denseMatrix(outputs, used.length, randomValues(outputs * used.length, seed + 1)),
  };
}

/** Every column by itself, in another order. */
function reversed(weights: { rows: number; cols: number; data: Float32Array }): CompressedLayer {
  const { rows, cols, data } = weights;
  const centroids = denseMatrix(rows, cols);
  data.forEach((value, i) => {
    centroids.data[i - (i % cols) + cols - 1 - (i % cols)] = value;
  });
  const assignment = Int32Array.from({ length: cols }, (_, j) => cols - 1 - j);
  return { assignment, scales: new Float32Array(cols).fill(1), centroids };
}

function addToken(b: ModelBuilder, kind: (typeof TOKENS)[number], x: string, features: number): string {
  switch (kind) {
    case 'Neg':
      return b.node('Neg', [x]);
    case 'Add per feature':
      return b.node('Add', [x, b.weight(b.name('beta'), [features])]);
    case 'Cast':
      return b.node('Cast', [x], { to: DataType.FLOAT });
    case 'mean':
      return b.node('ReduceMean', [x], { axes: [1], keepdims: 1 });
    case 'average': {
      const lying = b.node('Transpose', [x], { perm: [0, 2, 1] });
      const pooled = b.node('AveragePool', [lying], { kernel_shape: [2], pads: [0, 1], strides: [2] });
      return b.node('Transpose', [pooled], { perm: [0, 2, 1] });
    }
  }
}

const setting = fc.record({
  version: opset,
  tokens: fc.boolean(),
  forms: fc.tuple(layerForm, layerForm, layerForm),
  widths: fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 2, max: 9 }))),
  flat: fc.tuple(
    fc.array(fc.constantFrom(...FLAT), { maxLength: 3 }),
    fc.array(fc.constantFrom(...FLAT), { maxLength: 3 }),
  ),
  lists: fc.tuple(
    fc.array(fc.constantFrom(...TOKENS), { maxLength: 3 }),
    fc.array(fc.constantFrom(...TOKENS), { maxLength: 3 }),
  ),
  together: fc.boolean(),
  seed: fc.nat(1000),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

/** Three products in a row, with linear operations between them. */
function chain(s: Setting): Uint8Array {
  const b = new ModelBuilder(s.tokens ? 13 : s.version);
  const [first] = s.widths as [number];
  let x = b.input('x', s.tokens ? [undefined, 4, first] : [undefined, first]);
  s.forms.forEach((form, i) => {
    const [inputs, outputs] = [s.widths[i]!, s.widths[i + 1]!];
    const weights = denseMatrix(outputs, inputs, randomValues(outputs * inputs, s.seed + i));
    // A tensor that is added is no bias, and inputs that are read turned get a Transpose in any rewrite.
    const bias = form.bias === 'foreign' ? 'row' : form.bias;
    x = addLayer(
      b,
      { ...form, bias, transA: false, ...(s.tokens && { operator: 'matmul' }) },
      x,
      weights,
      `fc${i}`,
    );
    if (s.tokens) for (const kind of s.lists[i] ?? []) x = addToken(b, kind, x, outputs);
    else for (const kind of s.flat[i] ?? []) x = addMiddle(b, kind, x, outputs, 0, 2);
  });
  b.node('Relu', [x], {}, ['y']);
  return b.output('y').build();
}

test('any clusters of three products in a row: folded and explicit agree, and the graph stays as it is', async () => {
  await fc.assert(
    fc.asyncProperty(setting, async (s) => {
      const model = onnxModel(chain(s));
      const [, second, third] = model.layers as [unknown, ...typeof model.layers];
      const clusters = [second!, third!].map(({ outputs, inputs, name }, i) =>
        s.seed % 5 === 0 ? reversed(model.weights(name)) : randomClusters(outputs, inputs, s.seed + 10 * i),
      );
      const compressed = new Map(
        [second!, third!].flatMap(({ name }, i) => (s.together || i === 1 ? [[name, clusters[i]!]] : [])),
      );
      const { rewrite, folds } = planRewrite(model, compressed);
      for (const { sumInto, reason } of folds.values()) expect([reason, sumInto]).not.toContain(null);
      const folded = model.rewrite(rewrite);
      const explicit = model.rewrite(planRewrite(model, compressed, { folding: 'explicit' }).rewrite);
      expect(added(model, folded)).toEqual([]);
      expect(folded.layers.map(({ outputs }) => outputs)).toEqual([
        s.together ? clusters[0]!.centroids.cols : second!.inputs,
        clusters[1]!.centroids.cols,
        third!.outputs,
      ]);
      const shape = s.tokens ? [3, 4, s.widths[0]!] : [3, s.widths[0]!];
      const x = {
        shape,
        data: randomValues(
          shape.reduce((a, c) => a * c),
          s.seed + 7,
        ),
      };
      expectClose((await run(folded, { x })).y, (await run(explicit, { x })).y);
    }),
    { numRuns: 150, seed: 3 },
  );
}, 120_000);

describe('two products in a row', () => {
  function pair(type: number = DataType.FLOAT, size = 0.1): Model {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 12], type);
    const small = (count: number, seed: number) => randomValues(count, seed).map((value) => size * value);
    const first = b.node('MatMul', [x, b.weight('first.weight', [12, 40], small(480, 1), type)]);
    const h = b.node('Dropout', [b.node('Add', [first, b.weight('first.bias', [40], small(40, 2), type)])]);
    b.node('MatMul', [h, b.weight('second.weight', [40, 9], randomValues(360, 3), type)], {}, ['y']);
    return onnxModel(b.output('y', [undefined, 9], type).build());
  }

  test('leave a smaller first one and no operation, and the proof passes', async () => {
    const model = pair();
    const ratio = { second: 0.75 };
    const { model: smaller, layers, proof } = await compressModel(model, { ratio, clusterer: spherical });
    expect(layers[0]!.fold).toMatchObject({
      sumInto: 'first',
      reason: 'the sums fold into first through dropout_2',
    });
    expect(proof).toEqual({ deviation: expect.any(Number), against: 'explicit form' });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(nodesOf(smaller)).toEqual(nodesOf(model));
    expect(smaller.layers.map(({ outputs, inputs }) => [outputs, inputs])).toEqual([
      [10, 12],
      [9, 10],
    ]);
    expect(smaller.parameters).toBe(12 * 10 + 10 + 10 * 9);
    expect(onnxBytes(smaller).length).toBeLessThan(onnxBytes(model).length / 2);
  });

  test('both compressed', async () => {
    const model = pair();
    const { model: smaller, proof } = await compressModel(model, { ratio: 0.5 });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(smaller.layers.map(({ outputs, inputs }) => [outputs, inputs])).toEqual([
      [20, 6],
      [9, 20],
    ]);
  });

  test('sums that do not fit into the type of the rows stay explicit, with the reason', async () => {
    const model = pair(DataType.FLOAT16, 50_000);
    const { layers } = await compressModel(model, { ratio: { second: 0.75 }, prove: false });
    expect(layers[0]!.fold).toMatchObject({
      sumInto: null,
      orderInto: 'first',
      reason:
        "the sums stay explicit: they would not fit into the type of first's weights; the order folds into first",
    });
  });
});

test('filters of a convolution are added up where only means stand behind them', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 2, 6, 6]);
  const maps = b.node('Conv', [x, b.weight('conv.weight', [8, 2, 3, 3]), b.weight('conv.bias', [8])], {}, [
    'c',
  ]);
  const shifted = b.node('Add', [maps, b.weight('beta', [1, 8, 1, 1])], {}, ['shift']);
  const flat = b.node('Flatten', [b.node('GlobalAveragePool', [shifted])]);
  b.node('Gemm', [flat, b.weight('fc.weight', [5, 8])], { transB: 1 }, ['y']);
  const model = onnxModel(b.output('y', [undefined, 5]).build());
  const compressed = new Map([['fc', randomClusters(5, 8, 4)]]);
  const { rewrite, folds } = planRewrite(model, compressed);
  expect(folds.get('fc')).toMatchObject({ sumInto: 'c', targetIsLayer: false });
  const folded = model.rewrite(rewrite);
  const explicit = model.rewrite(planRewrite(model, compressed, { folding: 'explicit' }).rewrite);
  expect(nodesOf(folded)).toEqual(nodesOf(model));
  expect(folded.parameters).toBeLessThan(model.parameters);
  const input = { x: { shape: [2, 2, 6, 6], data: randomValues(144, 5) } };
  expectClose((await run(folded, input)).y, (await run(explicit, input)).y);
});
