import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listItem, splitList } from '../../src/options/list-text.js';

test.each([
  ['a', ['a']],
  ['', ['']],
  ['a, b ,c', ['a', 'b', 'c']],
  ['a,', ['a', '']],
  ['"a,b",c', ['a,b', 'c']],
  [' " a " , "b""c" ', [' a ', 'b"c']],
  ['"a=1,b"=0.5,c=1', ['a=1,b=0.5', 'c=1']],
  ['a"b,c"', ['a"b', 'c"']],
  ['C:\\x\\,\\\\host\\y', ['C:\\x\\', '\\\\host\\y']],
  ['""', ['']],
])('%s', (text, values) => {
  expect(splitList('--layers', text)).toEqual(values);
});

test.each(['"a', 'a,"b', '"a""'])('%s is refused', (text) => {
  expect(() => splitList('--layers', text)).toThrow(
    expect.objectContaining({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(`the quote in '${text}'`),
    }),
  );
});

test('every list of values is itself again', () => {
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(',', '"', ' ', '=', ';', '\\', 'a') }),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      expect(splitList('--layers', values.map(listItem).join(','))).toEqual(values);
    }),
  );
});
