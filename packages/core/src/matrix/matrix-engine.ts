import type { DenseMatrix } from './dense-matrix.js';
import type { DoubleMatrix } from './double-matrix.js';

/**
 * Large matrix products: the one operation that native code does much better.
 *
 * Core ships a portable engine; adapters bring faster ones. Check an implementation with
 * `matrixEngineContract` of `@spherize/core/testing`.
 */
export interface MatrixEngine {
  readonly name: string;
  /** Whether products run in native code: then sparse loops only pay for very sparse matrices. */
  readonly native: boolean;
  /**
   * The product `A·B` in float32 or better.
   *
   * @param a shape `[n, p]`, row-major
   * @param b shape `[p, q]`, row-major
   * @returns a new matrix of shape `[n, q]`, row-major
   */
  multiply(a: DenseMatrix, b: DenseMatrix): Promise<DenseMatrix>;
  /** The same in float64. Left out by engines that have no such product: loops take its place. */
  multiplyDoubles?(a: DoubleMatrix, b: DoubleMatrix): Promise<DoubleMatrix>;
  /** Frees what products left; a later product starts anew. Left out by engines that hold nothing. */
  release?(): Promise<void>;
}
