/**
 * The place of a value in a row-major tensor.
 *
 * @param position the value's number among all
 * @returns an index per axis
 */
export function tensorIndex(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
