/**
 * First and second moments of what a layer reads and of what it should give, over any number of rows: all that least squares needs. Products
 * are taken by the engine about a point near the means, so that float32 loses no digits, and summed up in float64.
 */
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';

/** Moments about the means, divided by the number of rows; about zero, with means of zero, where no mean was taken. */
export interface CentredMoments {
  readonly rows: number;
  /** z̄, n values. */
  readonly meanZ: Float64Array;
  /** ȳ, m values. */
  readonly meanY: Float64Array;
  /** `Σ (z − z̄)(z − z̄)ᵀ / rows`, shape `[n, n]`. */
  readonly zz: Float64Array;
  /** `Σ (z − z̄)(y − ȳ)ᵀ / rows`, shape `[n, m]`. */
  readonly zy: Float64Array;
  /** `Σ (y − ȳ)² / rows`, m values. */
  readonly yy: Float64Array;
  /** `Σ ‖y − ȳ‖² / rows`, about the means in any case. */
  readonly spread: number;
}

/**
 * Columns of a layer up to which moments are taken column by column, so that features leave one after the other by the error that remains: the
 * cost grows with the cube. Features that a wider layer reads are judged more coarsely.
 */
export const MOST_COLUMNS = 3584;

/** Rows that go into one product of the engine: float32 sums of more would lose digits. */
const CHUNK = 8192;

export class Moments {
  readonly n: number;
  readonly m: number;
  readonly #centred: boolean;
  readonly #engine: MatrixEngine;
  #origin: { z: Float32Array; y: Float32Array } | undefined;
  #rows = 0;
  readonly #sumZ: Float64Array;
  readonly #sumY: Float64Array;
  readonly #zz: Float64Array;
  readonly #zy: Float64Array;
  readonly #yy: Float64Array;

  /** @param centred whether moments are about the means; else about zero, for layers without a bias */
  constructor(n: number, m: number, centred: boolean, engine: MatrixEngine) {
    this.n = n;
    this.m = m;
    this.#centred = centred;
    this.#engine = engine;
    this.#sumZ = new Float64Array(n);
    this.#sumY = new Float64Array(m);
    this.#zz = new Float64Array(n * n);
    this.#zy = new Float64Array(n * m);
    this.#yy = new Float64Array(m);
  }

  get rows(): number {
    return this.#rows;
  }

  /** As of `centred`, without the matrices. */
  get spread(): number {
    const rows = this.#rows;
    return this.#yy.reduce((all, sum, i) => all + sum / rows - (this.#sumY[i]! / rows) ** 2, 0);
  }

  /** @param z shape `[N, n]`; @param y shape `[N, m]` */
  async add(z: DenseMatrix, y: DenseMatrix): Promise<void> {
    if (z.rows === 0) return;
    this.#origin ??= this.#centred
      ? { z: columnMeans(z), y: columnMeans(y) }
      : { z: new Float32Array(this.n), y: new Float32Array(this.m) };
    for (let start = 0; start < z.rows; start += CHUNK) {
      const end = Math.min(start + CHUNK, z.rows);
      await this.#accumulate(about(z, this.#origin.z, start, end), about(y, this.#origin.y, start, end));
    }
    this.#rows += z.rows;
  }

  centred(): CentredMoments {
    const { n, m } = this;
    const rows = this.#rows;
    const shiftZ = this.#sumZ.map((sum) => (this.#centred ? sum / rows : 0));
    const shiftY = this.#sumY.map((sum) => (this.#centred ? sum / rows : 0));
    const zz = new Float64Array(n * n);
    const zy = new Float64Array(n * m);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) zz[i * n + j] = this.#zz[i * n + j]! / rows - shiftZ[i]! * shiftZ[j]!;
      for (let j = 0; j < m; j++) zy[i * m + j] = this.#zy[i * m + j]! / rows - shiftZ[i]! * shiftY[j]!;
    }
    return {
      rows,
      meanZ: shiftZ.map((shift, i) => shift + (this.#origin?.z[i] ?? 0)),
      meanY: shiftY.map((shift, i) => shift + (this.#origin?.y[i] ?? 0)),
      zz,
      zy,
      yy: this.#yy.map((sum, i) => sum / rows - shiftY[i]! ** 2),
      spread: this.spread,
    };
  }

  async #accumulate(z: DenseMatrix, y: DenseMatrix): Promise<void> {
    addColumnSums(z, this.#sumZ);
    addColumnSums(y, this.#sumY);
    addColumnSquares(y, this.#yy);
    const turned = transpose(z);
    addTo(this.#zz, (await this.#engine.multiply(turned, z)).data);
    addTo(this.#zy, (await this.#engine.multiply(turned, y)).data);
  }
}

/** Moments of some of the columns of z. */
export function momentsOfColumns(moments: CentredMoments, columns: ArrayLike<number>): CentredMoments {
  const { zz, zy, meanZ, meanY } = moments;
  const [n, m, k] = [meanZ.length, meanY.length, columns.length];
  const own = {
    ...moments,
    meanZ: Float64Array.from(columns, (c) => meanZ[c]!),
    zz: new Float64Array(k * k),
    zy: new Float64Array(k * m),
  };
  for (let i = 0; i < k; i++) {
    const from = columns[i]!;
    for (let j = 0; j < k; j++) own.zz[i * k + j] = zz[from * n + columns[j]!]!;
    own.zy.set(zy.subarray(from * m, (from + 1) * m), i * m);
  }
  return own;
}

function columnMeans(matrix: DenseMatrix): Float32Array {
  const sums = new Float64Array(matrix.cols);
  addColumnSums(matrix, sums);
  return Float32Array.from(sums, (sum) => sum / matrix.rows);
}

function addColumnSums({ rows, cols, data }: DenseMatrix, sums: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) sums[j] = sums[j]! + data[i * cols + j]!;
  }
}

function addColumnSquares({ rows, cols, data }: DenseMatrix, sums: Float64Array): void {
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < cols; j++, at++) sums[j] = sums[j]! + data[at]! * data[at]!;
}

/** Some rows, less the origin. */
function about({ cols, data }: DenseMatrix, origin: Float32Array, start: number, end: number): DenseMatrix {
  const result = denseMatrix(end - start, cols, data.slice(start * cols, end * cols));
  const values = result.data;
  for (let i = 0, at = 0; i < result.rows; i++) {
    for (let j = 0; j < cols; j++, at++) values[at] = values[at]! - origin[j]!;
  }
  return result;
}

export function addTo(sums: Float64Array, values: Float32Array): void {
  for (let p = 0; p < values.length; p++) sums[p] = sums[p]! + values[p]!;
}
