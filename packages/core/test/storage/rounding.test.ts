/** Weights rounded to whole numbers: row by row, and with errors that make good each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { denseMatrix } from '../../src/matrix/dense-matrix.js';
import { portableEngine } from '../../src/matrix/portable-engine.js';
import { Random } from '../../src/random.js';
import { compensatedSteps } from '../../src/storage/compensated-rounding.js';
import { MOST_STEPS, roundRows, rowScales, rowValues, whyNotHeld } from '../../src/storage/rounded-rows.js';

const normal = (length: number, seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.normal());
};

describe('rows', () => {
  test('values are off by half a step at most, and zero stays zero', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (rows, inner, seed) => {
          const values = normal(3 * rows * inner, seed);
          values[0] = 0;
          const form = { rows, inner };
          const scales = rowScales(values, form, MOST_STEPS.int8);
          const read = rowValues(roundRows(values, form, scales, MOST_STEPS.int8), form, scales);
          for (const [i, value] of values.entries()) {
            const scale = scales[Math.floor(i / inner) % rows]!;
            expect(Math.abs(read[i]! - value)).toBeLessThanOrEqual(0.5001 * scale);
          }
          expect(read[0]).toBe(0);
        },
      ),
    );
  });

  test('the largest value of a row is its last step, and a row of zeros has scale 1', () => {
    const values = Float32Array.of(1, -2, 0, 0);
    const form = { rows: 2, inner: 2 };
    const scales = rowScales(values, form, 127);
    expect(scales).toEqual(Float32Array.of(2 / 127, 1));
    expect(roundRows(values, form, scales, 127)).toEqual(Int8Array.of(64, -127, 0, 0));
  });

  test('what a type does not hold is told apart', () => {
    const form = { rows: 1, inner: 2 };
    const held = Float32Array.of(1, 2);
    expect(whyNotHeld(held, held, form)).toBeUndefined();
    expect(whyNotHeld(held, Float32Array.of(1, Number.POSITIVE_INFINITY), form)).toBe('too large');
    expect(whyNotHeld(held, Float32Array.of(1, 0), form)).toBe('too small');
    expect(whyNotHeld(Float32Array.of(1, Number.NaN), held, form)).toBe('not finite');
  });
});

describe('errors that make good each other', () => {
  const [rows, n] = [6, 150];
  const weights = denseMatrix(rows, n, normal(rows * n, 1));
  const form = { rows, inner: n };
  /** Few steps: what rounding costs shows. */
  const most = 7;
  const scales = rowScales(weights.data, form, most);
  const nearest = roundRows(weights.data, form, scales, most);

  /** `Σ e S eᵀ`. */
  function error(steps: ArrayLike<number>, moments: Float64Array): number {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const e = Float64Array.from({ length: n }, (_, j) => {
        const at = row * n + j;
        return weights.data[at]! - steps[at]! * scales[row]!;
      });
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += e[i]! * moments[i * n + j]! * e[j]!;
    }
    return sum;
  }

  test('inputs that go together lose much less', async () => {
    // Ten directions, and a little noise.
    const basis = normal(10 * n, 2);
    const moments = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++)
        for (let d = 0; d < 10; d++) moments[i * n + j]! += basis[d * n + i]! * basis[d * n + j]!;
      moments[i * n + i]! += 0.05;
    }
    const chosen = await compensatedSteps(weights, moments, scales, most, portableEngine);
    expect(error(chosen!, moments)).toBeLessThan(0.2 * error(nearest, moments));
    expect(Math.max(...chosen!.map(Math.abs))).toBeLessThanOrEqual(most);
  });

  test('the first component is what choosing column by column gives', async () => {
    // Two columns that read the same: what one loses the other makes good.
    const pair = denseMatrix(1, 2, Float32Array.of(0.4, 0.4));
    const same = Float64Array.of(1, 1, 1, 1);
    const steps = await compensatedSteps(pair, same, Float32Array.of(1), 7, portableEngine);
    // Their sum 0.8 is nearest to 1.
    expect(steps![0]! + steps![1]!).toBe(1);
  });

  test('inputs that do not go together are rounded to the nearest', async () => {
    const moments = new Float64Array(n * n);
    for (let i = 0; i < n; i++) moments[i * n + i] = 1 + (i % 5);
    expect([...(await compensatedSteps(weights, moments, scales, most, portableEngine))!]).toEqual([
      ...nearest,
    ]);
  });

  test('inputs that are always zero, or no numbers, say nothing', async () => {
    for (const value of [0, Number.NaN])
      expect(
        await compensatedSteps(weights, new Float64Array(n * n).fill(value), scales, most, portableEngine),
      ).toBeUndefined();
  });
});
