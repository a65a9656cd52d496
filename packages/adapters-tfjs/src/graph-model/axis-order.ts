/** Values of weights with their axes in another order. */
import type { AxisRole } from './operations/flow.js';

/** Rows are outputs, then places of the filter; columns are inputs. */
const ORDER: readonly AxisRole[] = ['output', 'tap', 'input'];

/** The axes of a weight in the order of a matrix `[outputs·span, inputs]`. */
export function axesInOrder(roles: readonly AxisRole[]): number[] {
  return ORDER.flatMap((role) => [...roles.keys()].filter((axis) => roles[axis] === role));
}

/** Row-major values with axis i of the result being axis `axes[i]`. */
export function ordered(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((all, size) => all * size, 1));
  const sizes = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const result = new Float32Array(values.length);
  const at = new Int32Array(sizes.length);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}
