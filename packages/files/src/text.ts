/** Text files as editors and shells leave them. */

/** Byte order marks, and what they say. */
const MARKS: readonly { readonly mark: readonly number[]; readonly encoding: string }[] = [
  { mark: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { mark: [0xff, 0xfe], encoding: 'utf-16le' },
  { mark: [0xfe, 0xff], encoding: 'utf-16be' },
];

/**
 * The text of a file: UTF-8, or what a byte order mark at its head says. The mark is no part of the text.
 *
 * @throws Error with the code `ERR_STRING_TOO_LONG` for more than a string can hold
 */
export function decodeText(bytes: Uint8Array): string {
  const { mark, encoding } = MARKS.find((known) => known.mark.every((byte, i) => bytes[i] === byte)) ?? {
    mark: [],
    encoding: 'utf-8',
  };
  const rest = bytes.subarray(mark.length);
  // Buffer says so when the text is too long; TextDecoder does not.
  if (encoding === 'utf-8') return Buffer.from(rest.buffer, rest.byteOffset, rest.length).toString('utf8');
  return new TextDecoder(encoding).decode(rest);
}
