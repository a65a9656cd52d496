/** Widths lose what costs the outputs least. */
import { compressModel, type Model, portableEngine } from '@spherize/core';
import { narrowingPath, narrowToTarget } from '@spherize/core/allocation';
import { outputFidelity } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { readersAlone } from '../../core/test/readers-alone.js';
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

const inputs = (seed: number, shape: readonly number[] = [12]) => ({
  name: 'random',
  samples: 400,
  async *batches() {
    const size = shape.reduce((all, length) => all * length, 400);
    yield { x: { shape: [400, ...shape], data: randomValues(size, seed) } };
  },
});

/** Attention of two heads of eight dimensions. */
function attention(): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 5, 12]);
  const heads = (name: string, seed: number): string => {
    const made = b.node('MatMul', [x, b.weight(name, [12, 16], randomValues(12 * 16, seed))]);
    return b.node('Transpose', [b.node('Reshape', [made, b.integers([0, -1, 2, 8])])], {
      perm: [0, 2, 1, 3],
    });
  };
  const [q, k, v] = [heads('q', 1), heads('k', 2), heads('v', 3)];
  const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
  const mixed = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), v]);
  const joined = b.node('Reshape', [
    b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    b.integers([0, -1, 16]),
  ]);
  b.node('MatMul', [joined, b.weight('out', [16, 4], randomValues(64, 4))], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 5, 4]).build());
}

/** Two convolutions, the mean over all positions, and a layer that reads it: what leaves is alike at every position. */
function averaged(): Model {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 2, 9, 9]);
  const made = b.node('Conv', [x, b.weight('a', [16, 2, 3, 3], randomValues(16 * 18, 1))]);
  const read = b.node('Conv', [
    b.node('Relu', [made]),
    b.weight('b', [12, 16, 3, 3], randomValues(12 * 144, 2)),
  ]);
  const mean = b.node('Flatten', [b.node('GlobalAveragePool', [b.node('Relu', [read])])]);
  b.node('MatMul', [mean, b.weight('c', [12, 5], randomValues(60, 3))], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 5]).build());
}

describe('what a path foretells', () => {
  test.each([
    ['dimensions of heads', attention(), [5, 12], undefined],
    ['channels of which positions are averaged', averaged(), [2, 9, 9], 'a'],
  ] as const)('%s: about what comes of it', async (_, model, shape, layer) => {
    const own = (seed: number) => inputs(seed, shape);
    const calibration = own(1);
    const layers = layer && [layer];
    const path = await narrowingPath(
      model,
      { maxError: 0.1 },
      { engine: portableEngine, calibration, inputs: own(2), layers },
    );
    for (const place of [0.3, 0.6, 0.9]) {
      const { ratios, loss } = path(place);
      // What layers that make a width can make good beside those that read it is not foretold.
      const { model: smaller } = await compressModel(readersAlone(model), {
        reduce: 'neurons',
        ratio: ratios,
        calibration,
      });
      const { outputError } = await outputFidelity(model, smaller, own(3));
      expect(loss / outputError!).toBeGreaterThan(1 / 2);
      expect(loss / outputError!).toBeLessThan(2);
    }
  });

  test('without inputs to refit on as well, where what is taken is measured', async () => {
    const model = branches(0.1);
    const options = { engine: portableEngine, calibration: undefined, inputs: inputs(2) };
    const path = await narrowingPath(model, { maxError: 0.1 }, options);
    // The second branch counts for a hundredth: it loses most of its features before the first loses half.
    const { ratios } = path(0.5);
    expect(ratios.get('second.in')!).toBeGreaterThan(2 * ratios.get('first.in')!);
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
