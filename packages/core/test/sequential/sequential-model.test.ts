import { describe, expect, test } from 'vitest';
import {
  denseMatrix,
  InputError,
  type ModelFormat,
  reluActivation,
  type SequentialActivation,
  type SequentialLayer,
  SequentialModel,
} from '../../src/index.js';
import { applyInputForm } from '../../src/sequential/input-form.js';
import { modelFormatContract } from '../../src/testing/index.js';
import { randomMatrix, randomValues } from '../naive.js';

const layer = (name: string, outputs: number, inputs: number, seed: number): SequentialLayer => ({
  type: 'fully-connected',
  name,
  weights: randomMatrix(outputs, inputs, seed),
  bias: randomValues(outputs, seed + 100),
  input: null,
});
const sigmoid: SequentialActivation = {
  type: 'activation',
  name: 'squash',
  label: 'Sigmoid',
  effect: 'elementwise',
  apply: (value) => 1 / (1 + Math.exp(-value)),
};
const files = new Map<string, SequentialModel | undefined>([['broken.chain', undefined]]);
const write = async (model: SequentialModel, target: string): Promise<number> => {
  files.set(target, model);
  return 4 * model.parameters;
};
const operations = [
  layer('first', 12, 9, 1),
  reluActivation('relu'),
  layer('second', 10, 12, 2),
  sigmoid,
  layer('third', 4, 10, 3),
];
files.set('small.chain', new SequentialModel(operations, 9, write));

const format: ModelFormat = {
  name: 'chain',
  matches: (source) => source.endsWith('.chain'),
  async read(source) {
    if (!files.has(source)) throw new InputError('NOT_FOUND', `there is no ${source}`);
    const model = files.get(source);
    if (!model) throw new InputError('BAD_FILE', `${source} is no chain`);
    return { model, bytes: 4 * model.parameters };
  },
};
const sample = { model: 'small.chain', broken: 'broken.chain', output: 'out.chain' };
for (const { name, run } of modelFormatContract(format, sample)) test(name, run);

describe('layers in a row', () => {
  const negative: SequentialActivation = {
    type: 'activation',
    name: 'minus',
    label: 'Neg',
    effect: 'linear',
    apply: (value) => -value,
  };
  const row = [layer('first', 12, 9, 1), negative, layer('second', 10, 12, 2), layer('third', 4, 10, 3)];
  files.set('row.chain', new SequentialModel(row, 9, write));
  for (const { name, run } of modelFormatContract(format, { ...sample, model: 'row.chain' })) test(name, run);
});

test('picks, multiplies and sums as an input form says', () => {
  const rows = denseMatrix(2, 4, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const form = {
    gather: Int32Array.of(3, 0, 1),
    multiply: Float32Array.of(10, 1, 100),
    groups: [
      { size: 1, count: 1 },
      { size: 2, count: 1 },
    ],
  };
  const { rows: samples, cols, data } = applyInputForm(rows, form);
  expect([samples, cols]).toEqual([2, 2]);
  expect([...data]).toEqual([40, 1 + 200, 80, 5 + 600]);
});

test('a layer that is not there is named', () => {
  expect(() => files.get('small.chain')!.weights('relu')).toThrow("no layer 'relu'");
});
