import { describe, expect, test } from 'vitest';
import { type ElementType, scoresOutput, type TensorInfo } from '../../src/index.js';

const output = (name: string, shape: readonly (number | undefined)[], type?: ElementType): TensorInfo => ({
  name,
  shape,
  ...(type && { type }),
});
const N = undefined;

describe('the scores are', () => {
  test.each([
    ['the only output', 'y', [output('y', [])]],
    ['the floats behind a label', 'p', [output('label', [N], 'int64'), output('p', [N, 3])]],
    ['those with a score per class', 'p', [output('maps', [N, 8, 7, 7]), output('p', [N, 3])]],
    ['those with further axes of length 1', 'p', [output('maps', [N, 8, 7, 7]), output('p', [N, 3, 1, 1])]],
    ['the first of several', 'a', [output('a', [N, 3]), output('b', [N, 3])]],
    ['floats of unknown shape before labels', 'p', [output('l', [N, 3], 'int64'), output('p', [N])]],
    ['whole numbers where no floats are', 'q', [output('l', [N], 'int64'), output('q', [N, 3], 'uint8')]],
    [
      'numbers beside text and maps',
      'l',
      [output('t', [N], 'string'), output('m', [N], 'other'), output('l', [N], 'int64')],
    ],
    ['half floats', 'p', [output('l', [N], 'int64'), output('p', [N, 3], 'float16')]],
  ])('%s', (_, name, outputs) => {
    expect(scoresOutput({ outputs }).name).toBe(name);
  });

  test('the output that is named', () => {
    const outputs = [output('p', [N, 3]), output('l', [N], 'int64'), output('m', [N], 'other')];
    expect(scoresOutput({ outputs }, 'l').name).toBe('l');
    expect(() => scoresOutput({ outputs }, 'x')).toThrow(
      "the model has no output 'x', expected one of p (float32), l (int64), m (no tensor)",
    );
    expect(() => scoresOutput({ outputs }, 'm')).toThrow("output 'm' holds no numbers");
  });

  test('none where no output holds numbers', () => {
    expect(() => scoresOutput({ outputs: [output('m', [N], 'other')] })).toThrow('zipmap=False');
  });
});
