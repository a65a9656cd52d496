import { expect, test } from 'vitest';
import { compareLatency, summary } from '../../src/evaluation/latency.js';

test('median and quartiles, interpolated', () => {
  expect(summary([4, 1, 3, 2, 5])).toEqual({ median: 3, quartiles: [2, 4] });
  expect(summary([1, 2])).toEqual({ median: 1.5, quartiles: [1.25, 1.75] });
  expect(summary([7])).toEqual({ median: 7, quartiles: [7, 7] });
});

test('both models warm up, then run alternately, the first one changing', async () => {
  const order: string[] = [];
  const timed = (name: string) => ({
    inputs: {},
    session: {
      run: async () => {
        order.push(name);
        return {};
      },
      release: async () => {},
    },
  });
  const { runs } = await compareLatency(timed('a'), timed('b'), 0);
  expect(runs).toBe(9);
  expect(order.slice(0, 8).join('')).toBe('aabbabba');
  expect(order.length).toBe(2 * (2 + 9));
});
