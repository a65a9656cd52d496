/** IEEE binary16 (`float16`), as bit patterns. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of a bit pattern. Exact. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The nearest bit pattern of a finite number, ties to even; undefined where that is infinite. */
export function toHalf(value: number): number | undefined {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const exponent = (bits[0]! >>> 23) & 255;
  // Steps are 2⁻²⁴ below 2⁻¹⁴, and a 1024th of the power of two above.
  const shift = Math.max(exponent - 127, -14);
  const steps = Math.abs(float[0]!) * 2 ** (10 - shift);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A carry runs on into the exponent, as the patterns are in the order of their values.
  const pattern = rounded + (shift + 14) * 1024;
  return pattern < 0x7c00 ? sign | pattern : undefined;
}
