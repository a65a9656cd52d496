/**
 * The Gram matrix of a layer's columns, `G = WᵀW`: all that clustering ever asks of them.
 *
 * It is computed once per layer and sparsity and shared by every clusterer, ratio and seed. Dense weights go through
 * the engine's matrix product, block by block, using symmetry; sparse ones through a product of sparse rows,
 * which at nine zeros in ten is faster than native dense code.
 */
import { type LongRunOptions, Pause } from '../cancellation.js';
import { type DenseMatrix, denseMatrix, transposeInto } from './dense-matrix.js';
import { type GramVectors, vectorsInRows } from './gram-vectors.js';
import type { MatrixEngine } from './matrix-engine.js';
import { sparseGram } from './sparse-gram.js';

/** Inner products of n vectors, readable by rows. */
export interface Gram {
  /** n. */
  readonly size: number;
  /** The squared norms `‖w_j‖²`, n values, accumulated in float64. */
  readonly diagonal: Float64Array;
  /** The whole matrix, shape `[n, n]`, row-major; undefined when it is not held. */
  readonly values?: Float32Array | undefined;
  /** The number of rows to ask for at a time when all of them are visited. */
  readonly blockRows: number;
  /** Rows `[start, end)`, shape `[end − start, n]`, row-major. The caller does not write to them. */
  rows(start: number, end: number): Float32Array | Promise<Float32Array>;
  /** Any rows: row `indices[p]`, n values, is what the returned function gives for p. */
  rowsAt(indices: Int32Array): RowAccess | Promise<RowAccess>;
  /** Some rows at some columns alone, shape `[rows.length, columns.length]`, row-major. */
  at(rows: Int32Array, columns: Int32Array): Float32Array | Promise<Float32Array>;
}

export interface ComputeGramOptions extends LongRunOptions {
  /**
   * Hold the matrix in memory that worker threads can share, where the platform has it. Such memory is given back to the system
   * later than other memory. Default `false`.
   */
  readonly shared?: boolean | undefined;
}

/** Gives the p-th of some rows. */
export type RowAccess = (p: number) => Float32Array;

/** Up to this share of non-zeros the sparse product is faster than a native dense one: measured at n = 9,216, m = 4,096. */
const SPARSE_FOR_NATIVE = 0.07;
/** The same against a dense product in TypeScript. */
const SPARSE_FOR_PORTABLE = 0.5;
const BLOCK = 1024;

/** A Gram matrix that is held in memory: `values` of shape `[n, n]`, symmetric. */
export function storedGram(values: Float32Array, diagonal: Float64Array): Gram {
  const size = diagonal.length;
  return {
    size,
    diagonal,
    values,
    blockRows: 64,
    rows: (start, end) => values.subarray(start * size, end * size),
    rowsAt: (indices) => (p) => values.subarray(indices[p]! * size, (indices[p]! + 1) * size),
    at(rows, columns) {
      const part = new Float32Array(rows.length * columns.length);
      let p = 0;
      for (const row of rows) for (const column of columns) part[p++] = values[row * size + column]!;
      return part;
    },
  };
}

/**
 * Gives the memory of a held matrix back at once: it is often the largest thing in memory, and the garbage collector comes by when
 * it pleases. The matrix cannot be read afterwards. Shared memory stays.
 */
export function releaseGram({ values }: Gram): void {
  const buffer = values?.buffer;
  if (!(buffer instanceof ArrayBuffer)) return;
  // What is transferred to nobody is freed.
  const { port1 } = new MessageChannel();
  port1.close();
  port1.postMessage(null, [buffer]);
}

/**
 * Computes `G = V·Vᵀ`.
 *
 * @param vectors V of shape `[n, m]`: row j is column `w_j` of the weights
 * @throws the signal's reason when it is aborted
 */
export async function computeGram(
  vectors: DenseMatrix,
  engine: MatrixEngine,
  options: ComputeGramOptions = {},
): Promise<Gram> {
  return gramOf(vectorsInRows(vectors), engine, options);
}

/** The same for vectors in whatever layout; memory beside the result is a few blocks of vectors. */
export async function gramOf(
  vectors: GramVectors,
  engine: MatrixEngine,
  options: ComputeGramOptions = {},
): Promise<Gram> {
  const { size, squaredNorms: diagonal } = vectors;
  const bytes = size * size * Float32Array.BYTES_PER_ELEMENT;
  const shared = options.shared && typeof SharedArrayBuffer !== 'undefined';
  const values = new Float32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  const sparse = engine.native ? SPARSE_FOR_NATIVE : SPARSE_FOR_PORTABLE;
  if (vectors.density <= sparse) await sparseGram(vectors, values, options);
  else await denseGram(vectors, values, engine, options);
  for (let j = 0; j < size; j++) values[j * size + j] = diagonal[j]!;
  return storedGram(values, diagonal);
}

async function denseGram(
  vectors: GramVectors,
  values: Float32Array,
  engine: MatrixEngine,
  options: LongRunOptions,
): Promise<void> {
  const { size } = vectors;
  const pause = new Pause(options.signal);
  const blocks = Math.ceil(size / BLOCK);
  const total = (blocks * (blocks + 1)) / 2;
  let done = 0;
  const mirror = new Float32Array(Math.min(BLOCK, size) ** 2);
  const rows = (start: number) => vectors.rows(start, Math.min(start + BLOCK, size));
  const columns = (start: number) => vectors.columns(start, Math.min(start + BLOCK, size));
  const compute = async (a: DenseMatrix, b: DenseMatrix, top: number, left: number): Promise<void> => {
    placeSymmetric(await engine.multiply(a, b), mirror, values, size, top, left);
    options.onProgress?.({ phase: 'gram', done: ++done, total });
    await pause.point();
  };
  for (let outer = 0; outer < size; outer += BLOCK) {
    // Every block is transposed once.
    if (vectors.transposed === 'columns') {
      const right = columns(outer);
      for (let top = 0; top <= outer; top += BLOCK) await compute(rows(top), right, top, outer);
    } else {
      const left = rows(outer);
      for (let right = outer; right < size; right += BLOCK) await compute(left, columns(right), outer, right);
    }
  }
}

/**
 * Writes a block at (top, left) and its mirror image at (left, top).
 *
 * @param scratch has room for a block
 */
function placeSymmetric(
  block: DenseMatrix,
  scratch: Float32Array,
  values: Float32Array,
  size: number,
  top: number,
  left: number,
): void {
  for (let i = 0; i < block.rows; i++) {
    values.set(block.data.subarray(i * block.cols, (i + 1) * block.cols), (top + i) * size + left);
  }
  const room = scratch.subarray(0, block.rows * block.cols);
  const mirrored = transposeInto(block, denseMatrix(block.cols, block.rows, room));
  for (let j = 0; j < mirrored.rows; j++) {
    // A block on the diagonal is mirrored at it: the engine may have rounded its two halves differently.
    const from = top === left ? j : 0;
    const part = mirrored.data.subarray(j * mirrored.cols + from, (j + 1) * mirrored.cols);
    values.set(part, (left + j) * size + top + from);
  }
}
