import { expect, test } from 'vitest';
import { decodeText } from '../src/index.js';

const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

test.each([
  ['UTF-8', Buffer.from('{"ρ":1}')],
  ['UTF-8 with its mark', Buffer.from('\uFEFF{"ρ":1}')],
  ['UTF-16, little-endian, as PowerShell writes it', Buffer.from('\uFEFF{"ρ":1}', 'utf16le')],
  ['UTF-16, big-endian', swapped('\uFEFF{"ρ":1}')],
])('%s', (_, bytes) => {
  expect(decodeText(bytes)).toBe('{"ρ":1}');
});

test('a mark elsewhere is part of the text, and nothing is text too', () => {
  expect(decodeText(Buffer.from('a\uFEFF'))).toBe('a\uFEFF');
  expect(decodeText(new Uint8Array(0))).toBe('');
  expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf))).toBe('');
});
