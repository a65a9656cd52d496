/** Arithmetic on the elements of shapes: numbers, sizes that are open and at least 0, and undefined for all else. */
import { FreeSize, type Size } from './sizes.js';

export type Element = Size | undefined;
export type Arithmetic = (a: Element, b: Element) => Element;

function onNumbers(of: (a: number, b: number) => number, known: Arithmetic = () => undefined): Arithmetic {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? of(a, b) : known(a, b));
}

function isSame(a: Element, b: Element): boolean {
  return a !== undefined && a === b;
}

/** A comparison. An open size is at least 0, so how it compares with a number below 0 is known. */
function compares(of: (a: number, b: number) => boolean): Arithmetic {
  return onNumbers(
    (a, b) => Number(of(a, b)),
    (a, b) => {
      if (isSame(a, b)) return Number(of(0, 0));
      if (a instanceof FreeSize && typeof b === 'number' && b < 0) return Number(of(0, b));
      if (b instanceof FreeSize && typeof a === 'number' && a < 0) return Number(of(a, 0));
      return undefined;
    },
  );
}

export const add: Arithmetic = onNumbers(
  (a, b) => a + b,
  (a, b) => (a === 0 ? b : b === 0 ? a : undefined),
);
export const subtract: Arithmetic = onNumbers(
  (a, b) => a - b,
  (a, b) => (b === 0 ? a : isSame(a, b) ? 0 : undefined),
);
export const multiply: Arithmetic = onNumbers(
  (a, b) => a * b,
  (a, b) => (a === 0 || b === 0 ? 0 : a === 1 ? b : b === 1 ? a : undefined),
);
/** Towards zero, as integers are divided. */
export const divide: Arithmetic = onNumbers(
  (a, b) => Math.trunc(a / b),
  (a, b) => (b === 1 ? a : isSame(a, b) ? 1 : undefined),
);
/** The sign of the divisor. */
export const modulo: Arithmetic = onNumbers(
  (a, b) => a - b * Math.floor(a / b),
  (a, b) => (b === 1 || isSame(a, b) ? 0 : undefined),
);
/** The sign of the dividend. */
export const remainder: Arithmetic = onNumbers(
  (a, b) => a % b,
  (a, b) => (b === 1 || isSame(a, b) ? 0 : undefined),
);
export const power: Arithmetic = onNumbers(
  (a, b) => a ** b,
  (a, b) => (b === 1 ? a : undefined),
);
export const smaller: Arithmetic = onNumbers(Math.min, (a, b) => bound(a, b, 'number'));
export const larger: Arithmetic = onNumbers(Math.max, (a, b) => bound(a, b, 'size'));

function bound(a: Element, b: Element, keeps: 'number' | 'size'): Element {
  if (isSame(a, b)) return a;
  const [size, number] = a instanceof FreeSize ? [a, b] : [b, a];
  if (!(size instanceof FreeSize) || typeof number !== 'number' || number > 0) return undefined;
  return keeps === 'number' ? number : size;
}

export const equal: Arithmetic = compares((a, b) => a === b);
export const less: Arithmetic = compares((a, b) => a < b);
export const lessOrEqual: Arithmetic = compares((a, b) => a <= b);
export const greater: Arithmetic = compares((a, b) => a > b);
export const greaterOrEqual: Arithmetic = compares((a, b) => a >= b);
export const and: Arithmetic = onNumbers(
  (a, b) => a & b,
  (a, b) => (a === 0 || b === 0 ? 0 : undefined),
);
export const or: Arithmetic = onNumbers(
  (a, b) => a | b,
  (a, b) => (a === 1 || b === 1 ? 1 : undefined),
);
export const xor: Arithmetic = onNumbers((a, b) => a ^ b);
