/** Sizes of axes, as far as they are known: a number, or an unknown that is the same wherever it is known to be the same. */

/** The size of an axis that the file leaves open. Two are the same size when they are the same object. */
export class FreeSize {
  /** @param origin what it is the size of, for those who look at it */
  constructor(readonly origin: string) {}
}

export type Size = number | FreeSize;

/** The sizes of a tensor's axes. */
export type Sizes = readonly Size[];

/** What a rule finds: undefined for what it does not know. */
export type FoundSizes = readonly (Size | undefined)[];

/** The values of a small tensor of integers or booleans: numbers, sizes, or undefined where unknown; row-major. */
export interface Integers {
  readonly dims: readonly number[];
  readonly values: readonly (Size | undefined)[];
}

/** Π over / Π under, where that is one size; undefined where it is none, or for all that is known. */
export function quotient(over: Sizes, under: Sizes = []): Size | undefined {
  const free = over.filter((size) => size instanceof FreeSize);
  for (const size of under) {
    if (typeof size === 'number') continue;
    const at = free.indexOf(size);
    if (at < 0) return undefined;
    free.splice(at, 1);
  }
  const [dividend, divisor] = [numbersOf(over), numbersOf(under)];
  if (!Number.isSafeInteger(dividend) || !Number.isSafeInteger(divisor) || divisor === 0) return undefined;
  if (free.length === 0) return dividend % divisor === 0 ? dividend / divisor : undefined;
  return free.length === 1 && dividend === divisor ? free[0] : undefined;
}

function numbersOf(sizes: Sizes): number {
  return sizes.reduce<number>((product, size) => (typeof size === 'number' ? product * size : product), 1);
}

/** Whether two runs of axes have as many places. */
export function sameSpan(left: Sizes, right: Sizes): boolean {
  return quotient(left, right) === 1;
}

/** The size that one axis gets when tensors are stretched to one shape. */
export function stretched(sizes: FoundSizes): Size | undefined {
  const wide = sizes.find((size) => typeof size === 'number' && size !== 1);
  if (wide !== undefined) return wide;
  const others = new Set(sizes.filter((size) => size !== 1));
  if (others.size > 1) return undefined;
  return others.size === 0 ? 1 : [...others][0];
}
