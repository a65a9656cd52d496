import { InputError } from '../errors.js';
import type { DenseMatrix } from './dense-matrix.js';

/** @throws InputError `BAD_MATRIX` when `A·B` is not defined */
export function requireInnerDimensions(a: DenseMatrix, b: DenseMatrix): void {
  if (a.cols !== b.rows) {
    throw new InputError(
      'BAD_MATRIX',
      `multiply: the inner dimensions must agree, got [${a.rows}, ${a.cols}] · [${b.rows}, ${b.cols}]`,
    );
  }
}
