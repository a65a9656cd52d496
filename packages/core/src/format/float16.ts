/** IEEE 754 binary16 (`float16`), as bit patterns. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of a float16 bit pattern. Exact. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * The bit pattern of the float16 nearest to a float32, ties to even. From 65520 on that is infinite, as IEEE 754 has it: who must not
 * write infinite values looks at what {@link fromFloat16} makes of the pattern.
 */
export function toFloat16(value: number): number {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = bits[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2⁻¹⁴ patterns count steps of 2⁻²⁴.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(float[0]!) * 2 ** 24);
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The values of bit patterns. `Float32Array.from` with a function takes three times as long. */
export function fromFloat16s(halves: ArrayLike<number>): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) values[i] = fromFloat16(halves[i]!);
  return values;
}

/** The bit patterns of values. `Uint16Array.from` with a function takes thirty times as long. */
export function toFloat16s(values: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = toFloat16(values[i]!);
  return halves;
}
