/** What is left of a constant when features leave. */
import type { NarrowedConstant } from '../format/model-narrowing.js';

/** @param values row-major, of this shape */
export function narrowedValues(
  values: Float32Array,
  shape: readonly number[],
  { axes, sizes, places }: Pick<NarrowedConstant, 'axes' | 'sizes' | 'places'>,
): { shape: number[]; values: Float32Array } {
  const along = axes.map((axis) => shape.length + axis);
  const after = shape.map((size, axis) => (along.includes(axis) ? sizes[along.indexOf(axis)]! : size));
  const strides = stridesOf(shape);
  const result = new Float32Array(after.reduce((all, size) => all * size, 1));
  const at = new Int32Array(after.length);
  for (let to = 0; to < result.length; to++) {
    let flat = 0;
    for (const [k, axis] of along.entries()) flat = flat * sizes[k]! + at[axis]!;
    let from = 0;
    for (const [axis, position] of at.entries()) if (!along.includes(axis)) from += position * strides[axis]!;
    let old = places[flat] ?? 0;
    for (const axis of along.toReversed()) {
      from += (old % shape[axis]!) * strides[axis]!;
      old = Math.floor(old / shape[axis]!);
    }
    result[to] = values[from]!;
    for (let axis = after.length - 1; axis >= 0; axis--) {
      if (++at[axis]! < after[axis]!) break;
      at[axis] = 0;
    }
  }
  return { shape: after, values: result };
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((all, size) => all * size, 1));
}
