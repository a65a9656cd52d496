import { expect, test } from 'vitest';
import { availableMemory, requireMemory } from '../src/index.js';

test('what fits passes, what does not is refused with both numbers', () => {
  expect(availableMemory()).toBeGreaterThan(0);
  expect(() => requireMemory('reading x', 1e9, 'split it', 1e9)).not.toThrow();
  expect(() => requireMemory('reading x', 3e9, 'split it', 1e9)).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: 'reading x needs 3.0 GB of memory, 1.0 GB is free: split it',
    }),
  );
});
