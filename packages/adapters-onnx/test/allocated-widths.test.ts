/** Widths lose what costs the outputs least. */
import { compressModel, findWidths, type Model } from '@spherize/core';
import { narrowToTarget, widthSensitivities } from '@spherize/core/allocation';
import { outputFidelity } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

const FEATURES = 24;

/** Two branches of one hidden layer each, of which the second's outputs count for little in the sum. */
function branches(weight: number): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 12]);
  const branch = (name: string, seed: number): string => {
    const made = b.node('MatMul', [
      x,
      b.weight(`${name}.in`, [12, FEATURES], randomValues(12 * FEATURES, seed)),
    ]);
    const read = b.weight(`${name}.out`, [FEATURES, 5], randomValues(FEATURES * 5, seed + 1));
    return b.node('MatMul', [b.node('Relu', [made]), read]);
  };
  const small = b.node('Mul', [branch('second', 3), b.weight('weight', [1], Float32Array.of(weight))]);
  b.node('Add', [branch('first', 1), small], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 5]).build());
}

const inputs = (seed: number) => ({
  name: 'random',
  samples: 400,
  async *batches() {
    yield { x: { shape: [400, 12], data: randomValues(400 * 12, seed) } };
  },
});

describe('sensitivities', () => {
  test('1 where the layer that reads a width gives the outputs', async () => {
    const b = new ModelBuilder();
    const made = b.node('MatMul', [b.input('x', [undefined, 12]), b.weight('a', [12, 8])]);
    b.node('MatMul', [b.node('Relu', [made]), b.weight('b', [8, 5])], {}, ['y']);
    const model = onnxModel(b.output('y', [undefined, 5]).build());
    const [width] = findWidths(model.graph).widths;
    const found = await widthSensitivities(model, [width!], inputs(1));
    expect(found.get(width!.name)).toBeCloseTo(1, 5);
  });

  test('the square of what a branch counts for', async () => {
    const model = branches(0.1);
    const widths = findWidths(model.graph).widths.filter(({ reason }) => reason === undefined);
    const found = await widthSensitivities(model, widths, inputs(1));
    const [first, second] = ['first.in', 'second.in'].map((name) => found.get(name)!);
    expect(second! / first!).toBeGreaterThan(0.1 ** 2 / 3);
    expect(second! / first!).toBeLessThan(0.1 ** 2 * 3);
  });
});

describe('an error that is allowed', () => {
  test.each([0.02, 0.2])(
    '%s is kept on other inputs, and the width that counts for little loses more',
    async (maxError) => {
      const model = branches(0.1);
      const options = { inputs: inputs(2), calibration: inputs(1), roundTo: 1 };
      const { result, reached } = await narrowToTarget(model, { maxError }, options);
      expect(reached).toMatchObject({ maxError, reached: expect.any(Number) });
      const { outputError } = await outputFidelity(model, result.model, inputs(3));
      expect(outputError).toBeLessThan(1.5 * maxError);
      const left = new Map(result.reductions.map(({ width, to }) => [width, to]));
      expect(left.get('second.in')!).toBeLessThan(left.get('first.in')!);
      // All widths alike lose more for as many parameters.
      const even = 1 - result.model.parameters / model.parameters;
      const alike = await compressModel(model, { ratio: even, reduce: 'neurons', calibration: inputs(1) });
      expect((await outputFidelity(model, alike.model, inputs(3))).outputError).toBeGreaterThan(outputError!);
    },
  );

  test('that nothing keeps takes nothing', async () => {
    const model = branches(0.1);
    const options = { inputs: inputs(2), calibration: inputs(1), roundTo: 1 };
    const { result, reached } = await narrowToTarget(model, { maxError: 1e-14 }, options);
    expect(reached).toEqual({ maxError: 1e-14, reached: 0 });
    expect(result.reductions.every(({ from, to }) => from === to)).toBe(true);
    expect(result.model.parameters).toBe(model.parameters);
  });
});
