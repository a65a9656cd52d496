/** What running a model takes is counted, and chosen by. */
import { type LatencyModel, type Model, predictedMs } from '@spherize/core';
import { measureLatency, narrowToTarget, workOf } from '@spherize/core/allocation';
import { outputFidelity, timedInputs } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

const NOTHING: LatencyModel = { multiplies: 0, depthwise: 0, weights: 0, values: 0, operations: 0, runs: 0 };

/** A convolution of 3×3, a depthwise one, and a fully connected layer behind a mean. */
function convolutions(): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 3, 10, 10]);
  const pads = [1, 1, 1, 1];
  const first = b.node('Conv', [x, b.weight('first', [16, 3, 3, 3])], { pads });
  const each = b.node('Conv', [b.node('Relu', [first]), b.weight('each', [16, 1, 3, 3])], {
    pads,
    group: 16,
  });
  const flat = b.node('Flatten', [b.node('GlobalAveragePool', [b.node('Relu', [each])])]);
  b.node('MatMul', [flat, b.weight('last', [16, 4])], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 4]).build());
}

/** Two branches of one hidden layer each: most multiply-accumulates are in the first, at many positions, and most weights in the second. */
function twoBranches(): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 24, 32]);
  const product = (read: string, name: string, shape: [number, number], seed: number): string =>
    b.node('MatMul', [read, b.weight(name, shape, randomValues(shape[0] * shape[1], seed))]);
  const mean = (read: string): string => b.node('ReduceMean', [read], { axes: [1], keepdims: 0 });
  const wide = b.node('Relu', [product(x, 'wide', [32, 64], 1)]);
  const hidden = b.node('Relu', [product(mean(x), 'hidden', [32, 384], 2)]);
  const sum = [mean(product(wide, 'first', [64, 5], 3)), product(hidden, 'second', [384, 5], 4)];
  b.node('Add', sum, {}, ['y']);
  return onnxModel(b.output('y', [undefined, 5]).build());
}

const inputs = (model: Model, seed: number) => ({
  name: 'random',
  samples: 64,
  async *batches() {
    const shape = model.inputs[0]!.shape.map((length) => length ?? 64);
    yield {
      x: {
        shape,
        data: randomValues(
          shape.reduce((a, b) => a * b, 1),
          seed,
        ),
      },
    };
  },
});

test('the work of one sample', async () => {
  const model = convolutions();
  expect(await workOf(model, (await timedInputs(model, 0))!)).toEqual({
    multiplies: 16 * 27 * 100 + 16 * 4,
    depthwise: 16 * 9 * 100,
    weights: 16 * 27 + 16 * 9 + 16 * 4,
    // Two convolutions and what follows each, the mean, and the outputs.
    values: 4 * 1600 + 16 + 4,
    operations: 6,
    runs: 1,
  });
});

test('products of two computed tensors count', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 5, 7]);
  b.node('MatMul', [x, b.node('Transpose', [x], { perm: [0, 2, 1] })], {}, ['y']);
  const model = onnxModel(b.output('y', [undefined, 5, 5]).build());
  expect(await workOf(model, (await timedInputs(model, 0))!)).toMatchObject({ multiplies: 5 * 7 * 5 });
});

describe('a speedup', () => {
  const reach = async (latencyModel: LatencyModel, speedup: number) => {
    const model = twoBranches();
    const feeds = (await timedInputs(model, 0))!;
    const { result, reached } = await narrowToTarget(
      model,
      { speedup },
      { inputs: inputs(model, 1), calibration: inputs(model, 2), roundTo: 1, latencyModel },
    );
    const before = predictedMs(await workOf(model, feeds), latencyModel);
    const after = predictedMs(await workOf(result.model, feeds), latencyModel);
    return {
      reached,
      factor: before / after,
      left: new Map(result.reductions.map((r) => [r.width, r.to / r.from])),
    };
  };

  test('is that of the time which the latency model tells', async () => {
    const { reached, factor } = await reach({ ...NOTHING, multiplies: 0.02, operations: 10 }, 2);
    expect(factor).toBeGreaterThanOrEqual(2);
    expect(factor).toBeLessThan(2.3);
    expect(reached).toEqual({ speedup: 2, reached: factor, counts: 'milliseconds' });
  });

  test('takes features where they take time', async () => {
    const byMultiplies = await reach({ ...NOTHING, multiplies: 1 }, 1.5);
    const byWeights = await reach({ ...NOTHING, weights: 1 }, 1.5);
    expect(byMultiplies.left.get('wide')!).toBeLessThan(byWeights.left.get('wide')!);
    expect(byWeights.left.get('hidden')!).toBeLessThan(byMultiplies.left.get('hidden')!);
  });

  test('of what no width takes part in counts multiply-accumulates', async () => {
    const { reached } = await reach({ ...NOTHING, multiplies: 1e-6, runs: 1e6 }, 2);
    expect(reached).toMatchObject({ speedup: 2, counts: 'multiply-accumulates' });
  });
});

test('of a width that loses less by its columns, these are clustered for as much time', async () => {
  const b = new ModelBuilder();
  const read = randomValues(128 * 200, 2);
  // Every column twice: the sums of what they read lose nothing.
  read.copyWithin(64 * 200, 0, 64 * 200);
  const made = b.node('MatMul', [
    b.input('x', [undefined, 32]),
    b.weight('made', [32, 128], randomValues(32 * 128, 1)),
  ]);
  b.node('MatMul', [b.node('Relu', [made]), b.weight('read', [128, 200], read)], {}, ['y']);
  const model = onnxModel(b.output('y', [undefined, 200]).build());
  const latencyModel = { ...NOTHING, weights: 1, values: 1 };
  const options = { inputs: inputs(model, 1), calibration: inputs(model, 2), roundTo: 1, latencyModel };
  const { result, reached } = await narrowToTarget(model, { speedup: 1.3 }, { ...options, reduce: 'auto' });
  expect(result.reductions).toMatchObject([{ kind: 'columns', from: 128 }]);
  expect(result.reductions[0]!.to).toBeGreaterThanOrEqual(64);
  const { outputError } = await outputFidelity(model, result.model, inputs(model, 3));
  expect(outputError).toBeLessThan(1e-9);
  const feeds = (await timedInputs(model, 0))!;
  const [before, after] = [await workOf(model, feeds), await workOf(result.model, feeds)];
  expect(reached).toMatchObject({
    reached: predictedMs(before, latencyModel) / predictedMs(after, latencyModel),
  });
  expect(predictedMs(before, latencyModel) / predictedMs(after, latencyModel)).toBeLessThan(1.4);
});

test('what is measured here is a latency model of few digits', async () => {
  const steps: number[] = [];
  const found = await measureLatency(twoBranches(), { onProgress: ({ done }) => steps.push(done) });
  expect(steps).toEqual([0, 1, 2, 3, 4, 5]);
  const values = Object.values(found);
  expect(values.every((value) => value >= 0 && String(value).replace(/e.*|\D/g, '').length < 9)).toBe(true);
  expect(Math.max(...values)).toBeGreaterThan(0);
});
