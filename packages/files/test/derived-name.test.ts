import { expect, test } from 'vitest';
import { derivedName } from '../src/index.js';

test('a suffix follows the name', () => {
  expect(derivedName('model.onnx', '.data')).toBe('model.onnx.data');
  expect(derivedName('n'.repeat(250), '.data')).toBe(`${'n'.repeat(250)}.data`);
});

test.each(['n'.repeat(251), 'n'.repeat(255), '圧'.repeat(85), '😀'.repeat(63)])(
  'a name that gets too long is cut between characters: %s',
  (name) => {
    const derived = derivedName(name, '.data');
    expect(Buffer.byteLength(derived)).toBeLessThanOrEqual(255);
    expect(Buffer.byteLength(derived)).toBeGreaterThan(250);
    expect(derived).toMatch(/^(.+)-[\da-f]{12}\.data$/u);
    expect(name.startsWith(derived.slice(0, -18))).toBe(true);
    // No half of a character.
    expect(Buffer.from(derived).toString()).toBe(derived);
    expect(derivedName(name, '.data')).toBe(derived);
    expect(derivedName(`${name.slice(0, -2)}..`, '.data')).not.toBe(derived);
  },
);
