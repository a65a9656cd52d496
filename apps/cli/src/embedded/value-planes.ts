/**
 * Splits a tensor of float32 values that are exact in float16 into byte planes, each of which compresses well on
 * its own, and puts it together again.
 *
 * - `half`: two planes of `count` bytes, the high and the low bytes of the float16 values.
 * - `sparseHalf`, for pruned tensors: a bitmap of the values other than zero and a bitmap of the signs of all
 *   values (`count` bits each, the first value in the lowest bit), then the high bytes (without sign) and the low
 *   bytes of the values other than zero. Pruning by a mask leaves zeros of either sign, hence the sign of each.
 */
import { fromFloat16, InputError, toFloat16 } from '@spherize/core';

/** Codes of the encodings in the file. */
export const ENCODING = { half: 1, sparseHalf: 2 } as const;

/** A tensor in one of the encodings. */
export interface EncodedValues {
  readonly encoding: number;
  readonly planes: readonly Uint8Array[];
}

/** From this share of zeros on, a tensor is stored as `sparseHalf`. */
const SPARSE_SHARE = 0.5;

/** Values are decoded into a block of this many words, a multiple of 8, and copied from there. */
const BLOCK = 1 << 16;

/**
 * Encodes little-endian float32 values, at four bytes each.
 *
 * @returns `undefined` when some value is not exact in float16.
 */
export function encodeValues(bytes: Uint8Array): EncodedValues | undefined {
  const count = bytes.length / 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const halves = new Uint16Array(count);
  let nonzeros = 0;
  for (let i = 0; i < count; i++) {
    const value = view.getFloat32(4 * i, true);
    const half = toFloat16(value);
    // NaNs differ in bits that a number does not show.
    if (Number.isNaN(value) || fromFloat16(half) !== value) return undefined;
    halves[i] = half;
    if ((half & 0x7fff) !== 0) nonzeros += 1;
  }
  return count - nonzeros >= SPARSE_SHARE * count
    ? { encoding: ENCODING.sparseHalf, planes: sparsePlanes(halves, nonzeros) }
    : { encoding: ENCODING.half, planes: densePlanes(halves) };
}

function densePlanes(halves: Uint16Array): Uint8Array[] {
  return [Uint8Array.from(halves, (half) => half >>> 8), Uint8Array.from(halves, (half) => half & 0xff)];
}

function sparsePlanes(halves: Uint16Array, nonzeros: number): Uint8Array[] {
  const bitmapSize = Math.ceil(halves.length / 8);
  const [present, signs] = [new Uint8Array(bitmapSize), new Uint8Array(bitmapSize)];
  const [high, low] = [new Uint8Array(nonzeros), new Uint8Array(nonzeros)];
  let stored = 0;
  halves.forEach((half, i) => {
    const magnitude = half & 0x7fff;
    signs[i >>> 3]! |= (half >>> 15) << (i & 7);
    if (magnitude === 0) return;
    present[i >>> 3]! |= 1 << (i & 7);
    high[stored] = magnitude >>> 8;
    low[stored++] = magnitude & 0xff;
  });
  return [present, signs, high, low];
}

/**
 * Decodes values into `target`, little-endian float32 at four bytes each.
 *
 * @param nextPlane Delivers the next plane, which must have the given size in bytes.
 * @throws InputError (`BAD_FILE`) for an unknown encoding or a bitmap that does not fit the number of values.
 */
export function decodeValues(
  encoding: number,
  target: Uint8Array,
  nextPlane: (size: number) => Uint8Array,
): void {
  const count = target.length / 4;
  if (encoding === ENCODING.half) {
    const [high, low] = [nextPlane(count), nextPlane(count)];
    fillBlocks(target, (i) => (high[i]! << 8) | low[i]!);
  } else if (encoding === ENCODING.sparseHalf) {
    const bitmapSize = Math.ceil(count / 8);
    const [present, signs] = [nextPlane(bitmapSize), nextPlane(bitmapSize)];
    const nonzeros = countBits(present, count);
    const [high, low] = [nextPlane(nonzeros), nextPlane(nonzeros)];
    let next = 0;
    fillBlocks(target, (i) => {
      const sign = ((signs[i >>> 3]! >>> (i & 7)) & 1) << 15;
      if (((present[i >>> 3]! >>> (i & 7)) & 1) === 0) return sign;
      const half = sign | (high[next]! << 8) | low[next]!;
      next += 1;
      return half;
    });
  } else {
    throw new InputError('BAD_FILE', `packed model: unknown encoding ${encoding}, expected 1 or 2`);
  }
}

/** Fills the target with the float32 values of the float16 bits that `halfAt` gives for 0, 1, 2, … in order. */
function fillBlocks(target: Uint8Array, halfAt: (index: number) => number): void {
  const words = floatWords();
  const block = new Uint32Array(BLOCK);
  const blockBytes = new Uint8Array(block.buffer);
  const count = target.length / 4;
  for (let start = 0; start < count; start += BLOCK) {
    const length = Math.min(BLOCK, count - start);
    for (let i = 0; i < length; i++) block[i] = words[halfAt(start + i)]!;
    target.set(blockBytes.subarray(0, 4 * length), 4 * start);
  }
}

/** Word `h` of 65,536 is the float32 with the float16 bits `h`, little-endian in memory whatever the byte order of the machine is. */
function floatWords(): Uint32Array {
  const words = new Uint32Array(0x10000);
  const view = new DataView(words.buffer);
  for (let half = 0; half < words.length; half++) view.setFloat32(4 * half, fromFloat16(half), true);
  return words;
}

function countBits(bitmap: Uint8Array, limit: number): number {
  let bits = 0;
  for (const byte of bitmap) for (let rest = byte; rest !== 0; rest &= rest - 1) bits += 1;
  const padding = limit & 7 ? bitmap[bitmap.length - 1]! >>> (limit & 7) : 0;
  if (padding !== 0)
    throw new InputError('BAD_FILE', 'packed model: a bitmap marks values after the last one');
  return bits;
}
