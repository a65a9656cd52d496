import { describe, expect, test } from 'vitest';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../src/half-floats.js';

describe.each([
  ['float16', fromFloat16, toFloat16],
  ['bfloat16', fromBfloat16, toBfloat16],
] as const)('%s', (_, from, to) => {
  test('every pattern comes back from its value', () => {
    for (let pattern = 0; pattern < 65536; pattern++) {
      const value = from(pattern);
      if (Number.isNaN(value)) expect(from(to(value))).toBeNaN();
      else if (to(value) !== pattern) expect(to(value)).toBe(pattern);
    }
  });

  test('values between two patterns go to the nearer, ties to the even one', () => {
    for (let pattern = 0; pattern < 0x7b00; pattern += 7) {
      const [low, high] = [from(pattern), from(pattern + 1)];
      const middle = (low + high) / 2;
      expect(to(middle)).toBe(pattern % 2 === 0 ? pattern : pattern + 1);
      expect(to(low + (high - low) * 0.25)).toBe(pattern);
      expect(to(-(low + (high - low) * 0.75))).toBe((pattern + 1) | 0x8000);
    }
  });
});

test('known float16 values', () => {
  expect([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00].map(fromFloat16)).toEqual([
    1,
    -2,
    2 ** -24,
    65504,
    Infinity,
  ]);
  expect([65519, 65520, 1e9, -1e9, 1e-9].map(toFloat16)).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00, 0]);
});
