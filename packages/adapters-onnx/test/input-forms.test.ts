/** Every form of the input of a compressed layer against loops written for reading. */
import { type ClusterGroup, denseMatrix, type InputForm } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

const COLUMNS = 7;
const OUTPUTS = 3;

/** y = C z + b with z the cluster sums of one sample. */
function reference(x: Float32Array, form: InputForm, weights: Float32Array, bias: Float32Array): number[] {
  const picked = form.gather === null ? [...x] : [...form.gather].map((j) => x[j]!);
  const scaled = picked.map((value, i) => value * (form.multiply?.[i] ?? 1));
  const z: number[] = [];
  let position = 0;
  for (const { size, count } of form.groups) {
    for (let cluster = 0; cluster < count; cluster++) {
      let sum = 0;
      for (let member = 0; member < size; member++) sum += scaled[position++]!;
      z.push(sum);
    }
  }
  return [...bias].map((b, i) => z.reduce((sum, value, k) => sum + weights[i * z.length + k]! * value, b));
}

const GROUPS: Record<string, readonly ClusterGroup[]> = {
  'no clusters': [{ size: 1, count: 7 }],
  'pairs and three': [
    { size: 2, count: 2 },
    { size: 3, count: 1 },
  ],
  'singles and more': [
    { size: 1, count: 2 },
    { size: 2, count: 1 },
    { size: 3, count: 1 },
  ],
  'one cluster of all': [{ size: 7, count: 1 }],
};
const ORDER = Int32Array.of(3, 0, 6, 2, 5, 1, 4);
const FACTORS = randomValues(COLUMNS, 9);

function build(opset: number, kind: 'Gemm' | 'MatMul' | 'tokens' | 'unknown rank') {
  const b = new ModelBuilder(opset);
  const weights = b.weight('fc.weight', [COLUMNS, OUTPUTS]);
  const bias = b.weight('fc.bias', [OUTPUTS]);
  let x = b.input('x', kind === 'tokens' ? [undefined, undefined, COLUMNS] : [undefined, COLUMNS]);
  if (kind === 'unknown rank') {
    // An If hides the rank of its result.
    const branch = new ModelBuilder();
    const graph = branch.output(branch.node('Identity', ['x'], {}, ['inner'])).graph();
    x = b.node('If', [b.truth()], { then_branch: { graph }, else_branch: { graph } });
  }
  if (kind === 'Gemm') b.node('Gemm', [x, weights, bias], {}, ['y']);
  else b.node('Add', [b.node('MatMul', [x, weights]), bias], {}, ['y']);
  return onnxModel(b.output('y').build());
}

describe.each([7, 9, 11, 13, 18, 21])('operator set %d', (opset) => {
  test.each(['Gemm', 'MatMul', 'tokens', 'unknown rank'] as const)('%s', async (kind) => {
    if (kind === 'unknown rank' && opset < 11) return;
    const model = build(opset, kind);
    const bias = randomValues(OUTPUTS, 4);
    for (const groups of Object.values(GROUPS)) {
      const clusters = groups.reduce((sum, { count }) => sum + count, 0);
      const weights = denseMatrix(OUTPUTS, clusters, randomValues(OUTPUTS * clusters, 3));
      for (const [gather, multiply] of [
        [ORDER, FACTORS],
        [ORDER, null],
        [null, FACTORS],
        [null, null],
      ] as const) {
        const form = { gather, multiply, groups };
        const smaller = model.rewrite({
          layers: [{ layer: 'fc', weights, bias, input: form }],
          features: [],
        });
        for (const batch of [1, 4]) {
          const shape = kind === 'tokens' ? [batch, 2, COLUMNS] : [batch, COLUMNS];
          const samples = kind === 'tokens' ? batch * 2 : batch;
          const x = { shape, data: randomValues(samples * COLUMNS, batch) };
          const { y } = await run(smaller, { x });
          const expected = Array.from({ length: samples }, (_, i) =>
            reference(x.data.subarray(i * COLUMNS, (i + 1) * COLUMNS), form, weights.data, bias),
          ).flat();
          expectClose(y, { shape: [...shape.slice(0, -1), OUTPUTS], data: Float32Array.from(expected) });
        }
      }
    }
  });
});

test('an unknown rank before operator set 11 costs that layer, not the model', () => {
  const { layers, skipped } = build(9, 'unknown rank');
  expect(layers).toEqual([]);
  expect(skipped).toEqual([
    {
      name: 'fc',
      reason: expect.stringMatching(
        /^the rank of its input \S+ is unknown, and operator set 9 needs it: infer shapes first, or convert the model to 11 or newer$/,
      ),
      parameters: COLUMNS * OUTPUTS,
    },
  ]);
});

test('sizes that contradict each other are refused', () => {
  const model = build(13, 'Gemm');
  const rewrite = (columns: number, bias: number, groups: ClusterGroup[]) => () =>
    model.rewrite({
      layers: [
        {
          layer: 'fc',
          weights: denseMatrix(OUTPUTS, columns),
          bias: new Float32Array(bias),
          input: { gather: ORDER, multiply: null, groups },
        },
      ],
      features: [],
    });
  expect(rewrite(2, 3, [{ size: 7, count: 1 }])).toThrow('1 clusters but weights of 2 columns');
  expect(rewrite(1, 2, [{ size: 7, count: 1 }])).toThrow('2 bias values');
  expect(rewrite(1, 3, [{ size: 6, count: 1 }])).toThrow('7 positions but groups of 6');
  expect(rewrite(0, 3, [])).toThrow('no clusters');
});

test('a layer without a bias gets one', async () => {
  for (const operator of ['Gemm', 'MatMul']) {
    const b = new ModelBuilder();
    b.node(operator, [b.input('x', [undefined, 2]), b.weight('fc.weight', [2, 2])], {}, ['y']);
    const model = onnxModel(b.output('y').build());
    const weights = denseMatrix(2, 2, Float32Array.of(1, 2, 3, 4));
    const changed = model.rewrite({
      layers: [{ layer: 'fc', weights, bias: Float32Array.of(10, 20), input: null }],
      features: [],
    });
    const { y } = await run(changed, { x: { shape: [1, 2], data: Float32Array.of(1, 1) } });
    expect([...y!.data]).toEqual([13, 27]);
    expect([...changed.bias('fc')!]).toEqual([10, 20]);
  }
});
