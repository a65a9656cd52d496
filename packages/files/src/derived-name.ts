/** Names of files that are called after another file. */
import { createHash } from 'node:crypto';

/** Bytes of the longest name that common file systems take. */
const LONGEST = 255;

/**
 * The name followed by a suffix; where that is longer than file systems take, the beginning of the name, 12 hex digits that
 * stand for all of it, and the suffix. The same name gives the same result everywhere.
 *
 * @param suffix under 200 bytes
 *
 * @example
 * derivedName('model.onnx', '.data'); // 'model.onnx.data'
 */
export function derivedName(name: string, suffix: string): string {
  if (Buffer.byteLength(name + suffix) <= LONGEST) return name + suffix;
  const end = `-${createHash('sha256').update(name).digest('hex').slice(0, 12)}${suffix}`;
  let room = LONGEST - Buffer.byteLength(end);
  let beginning = '';
  for (const character of name) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    beginning += character;
  }
  return beginning + end;
}
