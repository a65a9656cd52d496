import { expect, test } from 'vitest';
import { clustersForRatio } from '../../src/index.js';

test.each([
  [4096, 0, 4096],
  [4096, 0.5, 2048],
  [4096, 0.75, 1024],
  [4096, 0.9, 410],
  [9216, 0.95, 461],
  [10, 0.84, 2],
  [10, 0.86, 1],
  [5, 0.5, 3],
  [10, 0.99, 1],
  [1, 0.999, 1],
])('%s columns at ratio %s: %s clusters', (columns, ratio, clusters) => {
  expect(clustersForRatio(columns, ratio)).toBe(clusters);
});

test.each([-0.01, 1, 2, Number.NaN, Number.POSITIVE_INFINITY])('ratio %s is refused', (ratio) => {
  expect(() => clustersForRatio(10, ratio)).toThrow(
    expect.objectContaining({
      code: 'BAD_ARGUMENT',
      message: `column reduction ratio: must be in [0, 1), got ${ratio}`,
    }),
  );
});
