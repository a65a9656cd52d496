import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOutClusters } from '../../src/compression/cluster-layout.js';
import { denseMatrix } from '../../src/index.js';

function layerOf(assignment: readonly number[]) {
  return {
    assignment: Int32Array.from(assignment),
    scales: new Float32Array(assignment.length).fill(1),
    centroids: denseMatrix(1, Math.max(...assignment) + 1),
  };
}

test('by hand: members are neighbours, small clusters come first', () => {
  const layout = layOutClusters(layerOf([0, 1, -1, 0, 2, 0, 3, 2]));
  expect([...layout.clusters]).toEqual([1, 3, 2, 0]);
  expect([...layout.order]).toEqual([1, 6, 4, 7, 0, 3, 5]);
  expect(layout.groups).toEqual([
    { size: 1, count: 2 },
    { size: 2, count: 1 },
    { size: 3, count: 1 },
  ]);
});

test('walking through the groups meets every member of every cluster once', () => {
  const assignments = fc
    .array(fc.integer({ min: -1, max: 9 }), { minLength: 1, maxLength: 40 })
    .filter((assignment) => assignment.some((c) => c >= 0))
    .map((assignment) => {
      const used = [...new Set(assignment.filter((c) => c >= 0))];
      return assignment.map((c) => (c < 0 ? c : used.indexOf(c)));
    });
  fc.assert(
    fc.property(assignments, (assignment) => {
      const { order, clusters, groups } = layOutClusters(layerOf(assignment));
      let at = 0;
      let number = 0;
      for (const { size, count } of groups) {
        for (let i = 0; i < count; i++, at += size) {
          const cluster = clusters[number++];
          const members = [...order.subarray(at, at + size)];
          const expected = assignment.flatMap((c, j) => (c === cluster ? [j] : []));
          expect(members).toEqual(expected);
        }
      }
      expect(at).toBe(order.length);
      expect(number).toBe(clusters.length);
      const sizes = groups.map(({ size }) => size);
      expect(sizes).toEqual([...new Set(sizes)].toSorted((a, b) => a - b));
    }),
    { numRuns: 200, seed: 1 },
  );
});
