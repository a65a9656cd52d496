import { describe, expect, test } from 'vitest';
import { fromFloat16, toFloat16 } from '../../src/index.js';

test('every pattern comes back from its value, zeros with their sign', () => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    const value = fromFloat16(pattern);
    if (Number.isNaN(value)) expect(fromFloat16(toFloat16(value))).toBeNaN();
    else if (toFloat16(value) !== pattern) expect(toFloat16(value)).toBe(pattern);
  }
  expect(fromFloat16(0x8000)).toBe(-0);
});

test('values between two patterns go to the nearer, ties to the even one', () => {
  for (let pattern = 0; pattern < 0x7b00; pattern += 31) {
    const [low, high] = [fromFloat16(pattern), fromFloat16(pattern + 1)];
    const middle = (low + high) / 2;
    expect(toFloat16(middle)).toBe(pattern % 2 === 0 ? pattern : pattern + 1);
    expect(toFloat16(low + (high - low) * 0.25)).toBe(pattern);
    expect(toFloat16(-(low + (high - low) * 0.75))).toBe((pattern + 1) | 0x8000);
  }
});

describe('known values', () => {
  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])('pattern %i is %d', (pattern, value) => {
    expect(fromFloat16(pattern)).toBe(value);
    expect(toFloat16(value)).toBe(pattern);
  });

  test.each([
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 - 2 ** -12, 0x4000],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [1e-9, 0],
    [-(2 ** -140), 0x8000],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
  ])('%d is rounded to pattern %i', (value, pattern) => expect(toFloat16(value)).toBe(pattern));
});
