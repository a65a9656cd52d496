/** The upper half of a float32 (`bfloat16`), as bit patterns. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of a bfloat16 bit pattern. Exact. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0]!;
}

/** The nearest bfloat16 bit pattern, ties to even. */
export function toBfloat16(value: number): number {
  float[0] = value;
  const pattern = bits[0]!;
  if ((pattern & 0x7fffffff) > 0x7f800000) return (pattern >>> 16) | 0x40;
  return (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
}
