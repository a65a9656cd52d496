import { expect, test } from 'vitest';
import { InputError } from '../src/index.js';

test('an InputError has a name, a code and a cause', () => {
  const cause = new Error('why');
  const error = new InputError('BAD_FILE', 'what', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe('InputError');
  expect(error.code).toBe('BAD_FILE');
  expect(error.cause).toBe(cause);
  expect(String(error)).toBe('InputError: what');
});
