/** Features between linear layers are turned before some of them leave. */
import {
  type CalibrationInputs,
  compressModel,
  findWidths,
  type Model,
  portableEngine,
  principalFeatures,
} from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { onnxModel, onnxRuntimeEngine } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';
import { ATTENTION_CASES } from './width-cases-attention.js';

const inputs = (model: Model, seed: number): CalibrationInputs => ({
  name: 'random',
  samples: 200,
  async *batches() {
    const shape = [200, ...model.inputs[0]!.shape.slice(1).map((length) => length ?? 5)];
    yield {
      x: {
        shape,
        data: randomValues(
          shape.reduce((all, length) => all * length, 1),
          seed,
        ),
      },
    };
  },
});

/** Weights `[inputs, heads·size]` of which each head has so many independent columns. */
function ofRank(
  rank: number,
  [rows, heads, size]: readonly [number, number, number],
  seed: number,
): Float32Array {
  const left = randomValues(heads * rows * rank, seed);
  const right = randomValues(heads * rank * size, seed + 1);
  const result = new Float32Array(rows * heads * size);
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < size; j++)
        for (let r = 0; r < rank; r++)
          result[(i * heads + head) * size + j]! +=
            left[(head * rows + i) * rank + r]! * right[(head * rank + r) * size + j]!;
  return result;
}

/** Attention of `heads` with keys and values for every `shared` of them; the keys and what is read of the values have rank 2 of 4. */
function attention(heads: number, shared: number): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 5, 6]);
  const own = heads / shared;
  const parts = (tensor: string, count: number): string =>
    b.node('Transpose', [b.node('Reshape', [tensor, b.integers([0, -1, count, 4])])], { perm: [0, 2, 1, 3] });
  const repeated = (tensor: string): string => {
    if (shared === 1) return tensor;
    const wide = b.node('Expand', [
      b.node('Unsqueeze', [tensor, b.integers([2])]),
      b.integers([1, 1, shared, 1, 1]),
    ]);
    return b.node('Reshape', [wide, b.integers([0, heads, -1, 4])]);
  };
  const made = (name: string, count: number, values: Float32Array, seed: number): string => {
    const product = b.node('MatMul', [x, b.weight(name, [6, 4 * count], values)]);
    return parts(
      b.node('Add', [product, b.weight(`${name}.b`, [4 * count], randomValues(4 * count, seed))]),
      count,
    );
  };
  const q = made('q', heads, randomValues(6 * 4 * heads, 1), 11);
  const k = repeated(made('k', own, ofRank(2, [6, own, 4], 2), 12));
  const v = repeated(made('v', own, ofRank(2, [6, own, 4], 4), 13));
  const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
  const mixed = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), v]);
  const joined = b.node('Reshape', [
    b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    b.integers([0, -1, 4 * heads]),
  ]);
  const read = b.node('MatMul', [joined, b.weight('out', [4 * heads, 7], randomValues(28 * heads, 6))]);
  const out = b.node('Add', [read, b.weight('out.b', [7], randomValues(7, 14))]);
  return onnxModel(b.output(out, [undefined, 5, 7]).build());
}

describe('heads of half the rank', () => {
  test.each([
    [1, 1],
    [2, 1],
    [4, 2],
  ])(
    '%i heads, %i for one of keys and values: half of all dimensions leave, and nothing is lost',
    async (heads, shared) => {
      const model = attention(heads, shared);
      const calibration = inputs(model, 1);
      const { model: half, reductions } = await compressModel(model, {
        reduce: 'neurons',
        ratio: 0.5,
        calibration,
      });
      expect(reductions.every(({ from, to }) => to === from / 2)).toBe(true);
      const { outputError } = await outputFidelity(model, half, inputs(model, 2));
      expect(outputError).toBeLessThan(1e-8);
      // Without inputs features are chosen as they are.
      const chosen = await compressModel(model, { reduce: 'neurons', ratio: 0.5, calibration: 'none' });
      expect((await outputFidelity(model, chosen.model, inputs(model, 2))).outputError).toBeGreaterThan(1e-3);
    },
  );
});

describe('other features compute the same', () => {
  test.each(Object.entries(ATTENTION_CASES))('%s', async (_, { build, shape, opset }) => {
    const b = new ModelBuilder(opset);
    build(b);
    const model = onnxModel(b.build());
    const widths = findWidths(model.graph).widths.filter(({ reason }) => reason === undefined);
    const { model: turned } = await principalFeatures(model, widths, inputs(model, 1), {
      engine: portableEngine,
    });
    const x = {
      shape: [...shape],
      data: randomValues(
        shape.reduce((all, length) => all * length, 1),
        3,
      ),
    };
    const [actual, expected] = [await run(turned, { x }), await run(model, { x })];
    for (const output of Object.keys(expected)) expectClose(actual[output], expected[output]);
  });
});

test('features of which few rows tell, in sums that were rounded, are turned without harm', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 6]);
  // One value runs through all features, a thousand times as large as the others.
  const first = randomValues(6 * 300, 1).map((value, at) => (at < 300 ? 1000 : value));
  const hidden = b.node('MatMul', [x, b.weight('a', [6, 300], first)]);
  const model = onnxModel(
    b.output(b.node('MatMul', [hidden, b.weight('b', [300, 5])]), [undefined, 5]).build(),
  );
  const { model: turned } = await principalFeatures(
    model,
    findWidths(model.graph).widths.filter(({ reason }) => reason === undefined),
    inputs(model, 3),
    { engine: onnxRuntimeEngine() },
  );
  for (const layer of ['a', 'b']) {
    const { data } = turned.features!.weights(layer).weights;
    expect(data.every(Number.isFinite)).toBe(true);
    expect(data).not.toEqual(model.features!.weights(layer).weights.data);
  }
  expect((await outputFidelity(model, turned, inputs(model, 4))).outputError).toBeLessThan(1e-4);
});
