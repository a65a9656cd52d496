import { describe, expect, test } from 'vitest';
import { floatBits, floatWords, halfBits, NOT_HALF } from '../../src/embedded/half-precision.js';

describe('float16 bits', () => {
  test('all 65,536 come back from float32', () => {
    for (let half = 0; half < 0x10000; half++) {
      if (halfBits(floatBits(half)) !== half) expect.fail(`0x${half.toString(16)} does not come back`);
    }
  });

  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0x8000, -0],
  ])('%i stand for %d', (half, value) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, floatBits(half));
    expect(view.getFloat32(0)).toBe(value);
  });

  test.each([
    ['a rounded fraction', 1 / 3],
    ['above the largest', 65536],
    ['below the smallest subnormal', 2 ** -25],
    ['between two subnormals', 3 * 2 ** -25],
    ['a float32 subnormal', 2 ** -140],
  ])('does not hold %s', (_, value) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    expect(halfBits(view.getUint32(0))).toBe(NOT_HALF);
  });
});

test('the table holds little-endian float32', () => {
  const words = floatWords();
  expect(new DataView(words.buffer).getFloat32(4 * 0x4248, true)).toBe(3.140625);
});
