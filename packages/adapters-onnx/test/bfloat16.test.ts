import { expect, test } from 'vitest';
import { fromBfloat16, toBfloat16 } from '../src/proto/bfloat16.js';

test('every pattern comes back from its value', () => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    const value = fromBfloat16(pattern);
    if (Number.isNaN(value)) expect(fromBfloat16(toBfloat16(value))).toBeNaN();
    else if (toBfloat16(value) !== pattern) expect(toBfloat16(value)).toBe(pattern);
  }
});

test('values between two patterns go to the nearer, ties to the even one', () => {
  for (let pattern = 0; pattern < 0x7b00; pattern += 31) {
    const [low, high] = [fromBfloat16(pattern), fromBfloat16(pattern + 1)];
    expect(toBfloat16((low + high) / 2)).toBe(pattern % 2 === 0 ? pattern : pattern + 1);
    expect(toBfloat16(low + (high - low) * 0.25)).toBe(pattern);
    expect(toBfloat16(-(low + (high - low) * 0.75))).toBe((pattern + 1) | 0x8000);
  }
});
