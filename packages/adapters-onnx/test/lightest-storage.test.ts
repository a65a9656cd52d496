/** Weights are stored in the fewest bits that change the outputs next to nothing. */
import { lightestStorage } from '@spherize/core/allocation';
import { recordOutputs } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

const INPUTS = 64;

function product(operatorSet?: number) {
  const b = new ModelBuilder(operatorSet);
  const weights = b.weight('w', [INPUTS, 64], randomValues(INPUTS * 64, 1));
  b.node('MatMul', [b.input('x', [undefined, INPUTS]), weights], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 64]).build());
}

const inputs = {
  name: 'random',
  samples: 100,
  async *batches() {
    yield { x: { shape: [100, INPUTS], data: randomValues(100 * INPUTS, 2) } };
  },
};

async function lightest(maxError: number, model = product()) {
  return lightestStorage(model, await recordOutputs(model, inputs), maxError);
}

describe('an error that is allowed', () => {
  // Steps of 8 bits change a row of random weights by about 0.3 %, its outputs by 1e-5 of their spread; those of float16 by 1e-7.
  test.each([
    ['large', 0.01, 'int8'],
    ['small', 1e-5, 'float16'],
    ['nearly none', 1e-9, undefined],
  ])('%s', async (_, maxError, type) => {
    expect(await lightest(maxError)).toBe(type);
  });
});

test('weights that are in fewer bits already stay so', async () => {
  const { model } = product().storage!.store('float16');
  expect(await lightest(0.5, model)).toBeUndefined();
});

test('a model too old for weights of other types keeps its own', async () => {
  expect(await lightest(0.5, product(6))).toBeUndefined();
});
