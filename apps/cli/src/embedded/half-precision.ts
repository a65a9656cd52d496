/**
 * Exact conversion between float32 and float16 (IEEE 754 binary32 and binary16), on bit patterns.
 *
 * Working on bits keeps what arithmetic would lose: the sign of a zero and the payload of a NaN.
 */

/** What {@link halfBits} answers for a value that float16 cannot hold. */
export const NOT_HALF = -1;

/** The float16 bits of the value with the given float32 bits, or {@link NOT_HALF} when float16 would round it. */
export function halfBits(floatBits: number): number {
  const sign = (floatBits >>> 16) & 0x8000;
  const biased = (floatBits >>> 23) & 0xff;
  const fraction = floatBits & 0x7fffff;
  if (biased === 0) return fraction === 0 ? sign : NOT_HALF;

  const exponent = biased === 0xff ? 31 : biased - 112;
  if (exponent > 0) {
    const inRange = exponent < 31 || biased === 0xff;
    return inRange && (fraction & 0x1fff) === 0 ? sign | (exponent << 10) | (fraction >>> 13) : NOT_HALF;
  }
  // A subnormal float16 is a multiple of 2^-24: the leading one, implicit in float32, becomes explicit.
  const shift = 14 - exponent;
  const significand = 0x800000 | fraction;
  const exact = shift < 24 && (significand & ((1 << shift) - 1)) === 0;
  return exact ? sign | (significand >>> shift) : NOT_HALF;
}

/** The float32 bits of the value with the given float16 bits. */
export function floatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  let fraction = half & 0x3ff;
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  let biased = 113;
  while ((fraction & 0x400) === 0) {
    fraction <<= 1;
    biased -= 1;
  }
  return (sign | (biased << 23) | ((fraction & 0x3ff) << 13)) >>> 0;
}

/**
 * A table of 65,536 words: word `h` is the float32 with the float16 bits `h`, with its bytes in little-endian
 * order in memory whatever the byte order of the machine is.
 */
export function floatWords(): Uint32Array {
  const words = new Uint32Array(0x10000);
  const view = new DataView(words.buffer);
  for (let half = 0; half < words.length; half++) view.setUint32(4 * half, floatBits(half), true);
  return words;
}
