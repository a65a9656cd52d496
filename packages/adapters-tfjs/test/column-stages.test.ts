/** Sums of any columns by three block-diagonal products, against plain sums. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ColumnStages, columnStages } from '../src/layers-model/column-stages.js';

/** What the stages make of a row of columns, in plain loops. */
function apply({ padded, stages }: ColumnStages, row: readonly number[]): number[] {
  let values = [...row, ...Array<number>(padded - row.length).fill(0)];
  for (const { width, blocks, outputs, kernel } of stages) {
    expect(values.length).toBe(width * blocks);
    const next = Array<number>(blocks * outputs).fill(0);
    for (let i = 0; i < width; i++) {
      for (let block = 0; block < blocks; block++) {
        for (let output = 0; output < outputs; output++) {
          const one = kernel[(i * blocks + block) * outputs + output]!;
          next[block * outputs + output]! += one * values[i * blocks + block]!;
        }
      }
    }
    values = next;
  }
  return values;
}

const cases = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 }).chain((sizes) => {
  const ordered = sizes.sort((a, b) => a - b);
  const members = ordered.reduce((sum, size) => sum + size, 0);
  return fc.integer({ min: members, max: members + 20 }).chain((columns) =>
    fc.record({
      sizes: fc.constant(ordered),
      columns: fc.constant(columns),
      order: fc.shuffledSubarray(
        Array.from({ length: columns }, (_, j) => j),
        { minLength: members, maxLength: members },
      ),
    }),
  );
});

describe('column stages', () => {
  test('the outputs of a cluster add up to the sum of its members, the others are zero', () => {
    fc.assert(
      fc.property(cases, ({ sizes, columns, order }) => {
        const groups = sizes.map((size) => ({ size, count: 1 }));
        const made = columnStages(columns, Int32Array.from(order), groups);
        // Different powers would not fit a number: the square keeps sums of different members apart well enough.
        const row = Array.from({ length: columns }, (_, j) => j * j + 1);
        const sums = Array<number>(sizes.length).fill(0);
        apply(made, row).forEach((value, i) => {
          const cluster = made.clusters[i]!;
          if (cluster < 0) expect(value).toBe(0);
          else sums[cluster]! += value;
        });
        let at = 0;
        const expected = sizes.map((size) => {
          at += size;
          return order.slice(at - size, at).reduce((sum, column) => sum + row[column]!, 0);
        });
        expect(sums).toEqual(expected);
      }),
    );
  });

  test('few outputs more than clusters, and a small part of the multiplications', () => {
    const [n, m, k] = [9216, 4096, 4608];
    const order = Int32Array.from({ length: n }, (_, j) => (j * 4097) % n);
    const made = columnStages(n, order, [{ size: 2, count: k }]);
    expect(made.clusters.length).toBe(k);
    const multiplications = made.stages.reduce((sum, { kernel }) => sum + kernel.length, 0);
    expect(multiplications / (n * m)).toBeLessThan(0.06);
  });
});
