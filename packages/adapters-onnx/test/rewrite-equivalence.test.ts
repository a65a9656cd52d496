/** An exactly clustered layer computes the same after its rewrite, whatever it folds into. */
import { denseMatrix } from '@spherize/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { clusteredWeights, clustering, compressExactly } from './clustered-rewrite.js';
import { addLayer, addMiddle, layerForm, MIDDLES, type Middle, middle, opset } from './random-models.js';
import { expectClose, run } from './running.js';

const BATCH = 3;
const HIDDEN = 5;

const setting = fc.record({
  opset,
  source: fc.constantFrom('input', 'layer', 'convolution', 'spatial convolution', 'tokens'),
  sourceForm: layerForm,
  form: layerForm,
  middles: fc.array(middle, { maxLength: 3 }),
  pool: fc.constantFrom('GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean'),
  assignment: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 1, maxLength: 12 }),
  outputs: fc.integer({ min: 1, max: 5 }),
  sharedSource: fc.boolean(),
  sharedLayer: fc.boolean(),
  fold: fc.boolean(),
  seed: fc.nat(1000),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

/** Clusters numbered without gaps; at least one column belongs to one. */
function compact(assignment: readonly number[]): number[] {
  const used = [...new Set(assignment.filter((cluster) => cluster >= 0))];
  return used.length === 0 ? assignment.map(() => 0) : assignment.map((cluster) => used.indexOf(cluster));
}

function build(s: Setting) {
  const b = new ModelBuilder(s.opset);
  const spatial = s.source === 'spatial convolution';
  const base = compact(s.assignment);
  const assignment = spatial ? [...base, ...base, ...base, ...base] : base;
  const columns = assignment.length;
  const clusters = clustering(s.outputs, assignment, s.seed);
  const source = denseMatrix(columns, HIDDEN, randomValues(columns * HIDDEN, s.seed + 2));
  const tokens = s.source === 'tokens';
  const inputShape =
    s.source === 'input'
      ? [BATCH, columns]
      : s.source === 'layer'
        ? [BATCH, HIDDEN]
        : tokens
          ? [BATCH, 2, HIDDEN]
          : [BATCH, 2, 4, 4];
  let x = b.input('x', [undefined, ...inputShape.slice(1)]);
  const rank = inputShape.length;
  if (s.source === 'layer' || tokens) {
    x = addLayer(b, tokens ? { ...s.sourceForm, operator: 'matmul' } : s.sourceForm, x, source, 'before');
    if (s.sharedSource) {
      const name = b.initializers.find((tensor) => tensor.name === 'before.weight');
      if (name !== undefined) b.output(b.node('Abs', ['before.weight'], {}, ['weights_out']));
    }
    for (const kind of s.middles) x = addMiddle(b, kind, x, columns, 0, rank);
  } else if (s.source !== 'input') {
    const filters = spatial ? columns / 4 : columns;
    const inputs = [x, b.weight('conv.weight', [filters, 2, 3, 3])];
    if (s.sourceForm.bias !== 'none') inputs.push(b.weight('conv.bias', [filters]));
    x = b.node('Conv', inputs, { kernel_shape: [3, 3] }, ['conv_out'], 'conv');
    for (const kind of s.middles) x = addMiddle(b, kind, x, filters, 2, 4);
    if (!spatial) {
      if (s.pool === 'ReduceMean') {
        x =
          s.opset < 18
            ? b.node(s.pool, [x], { axes: [2, 3], keepdims: 1 })
            : b.node(s.pool, [x, b.integers([2, 3])]);
      } else x = b.node(s.pool, [x]);
    }
    x =
      s.seed % 2
        ? b.node('Flatten', [x])
        : b.node('Reshape', [x, b.integers([s.seed % 4 ? -1 : 0, columns])]);
  }
  const y = addLayer(
    b,
    tokens ? { ...s.form, operator: 'matmul' } : s.form,
    x,
    clusteredWeights(clusters),
    'target',
  );
  if (s.sharedLayer && b.initializers.some((tensor) => tensor.name === 'target.weight')) {
    b.output(b.node('Abs', ['target.weight'], {}, ['target_weights_out']));
  }
  b.output(b.node('Relu', [y], {}, ['y']));
  const size = inputShape.reduce((product, dim) => product * dim, 1);
  return { bytes: b.build(), clusters, x: { shape: inputShape, data: randomValues(size, s.seed + 3) } };
}

const folded = new Map<string, number>();

test('an exactly clustered layer computes the same, for every form, source and activation', async () => {
  await fc.assert(
    fc.asyncProperty(setting, async (s) => {
      const { bytes, clusters, x } = build(s);
      const model = onnxModel(bytes);
      const { model: smaller, plan } = compressExactly(model, 'target', clusters, { fold: s.fold });
      const kind = `${s.source}: scale ${plan.scaleInto !== null}, order ${plan.orderInto !== null}`;
      folded.set(kind, (folded.get(kind) ?? 0) + 1);
      const layer = smaller.layers.find(({ name }) => name === 'target');
      expect(layer?.inputs).toBe(clusters.centroids.cols);
      expect(layer?.outputs).toBe(clusters.centroids.rows);
      const expected = await run(model, { x });
      const actual = await run(smaller, { x });
      for (const name of Object.keys(expected)) {
        // A shared weight that is an output itself stays as it was.
        expectClose(actual[name], expected[name]);
      }
    }),
    { numRuns: 400, seed: 1 },
  );
  // The property means little unless the generator reaches every way to fold.
  for (const source of ['layer', 'convolution', 'tokens']) {
    expect(folded.get(`${source}: scale true, order true`)).toBeGreaterThan(3);
    expect(folded.get(`${source}: scale false, order true`)).toBeGreaterThan(1);
  }
  expect(folded.get('layer: scale true, order false')).toBeGreaterThan(0);
}, 300_000);

/** What folds through an activation, where it is not everything. */
const FOLDS: Partial<Record<Middle, string>> = {
  Sigmoid: 'order',
  'Add scalar': 'order',
  'Clip 0 to 6': 'order',
  'Unsqueeze Pool': 'nothing',
  Residual: 'nothing',
  Softmax: 'nothing',
};

describe('one activation between two layers', () => {
  test.each(MIDDLES)('%s', async (kind) => {
    for (const version of [9, 11, 13, 18, 21]) {
      const plain = {
        operator: 'gemm',
        transA: false,
        transB: true,
        alpha: 1,
        beta: 1,
        bias: 'vector',
        storage: 'initializer',
      } as const;
      const { bytes, clusters, x } = build({
        opset: version,
        source: 'layer',
        sourceForm: plain,
        form: plain,
        middles: [kind],
        pool: 'GlobalMaxPool',
        assignment: [0, 1, 0, 2, -1, 1, 1, 3],
        outputs: 4,
        sharedSource: false,
        sharedLayer: false,
        fold: true,
        seed: 5,
      });
      const model = onnxModel(bytes);
      const { model: smaller, plan } = compressExactly(model, 'target', clusters);
      const found = [plan.scaleInto !== null && 'factors', plan.orderInto !== null && 'order'];
      expect(found.filter(Boolean).join(' and ') || 'nothing').toBe(FOLDS[kind] ?? 'factors and order');
      const [expected, actual] = [await run(model, { x }), await run(smaller, { x })];
      expectClose(actual.y, expected.y);
    }
  });
});
