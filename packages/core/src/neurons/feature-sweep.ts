/**
 * Least squares while features leave and come back, in Gram space: what each would cost or gain is known from two matrices at any time.
 *
 * Of n columns, some are in (I) and some are out (O). With S the second moments of the columns, ridge included, and F the weights of the
 * columns that are in and, of those that are out, their covariance with what is left of the targets, two symmetric matrices are kept:
 *
 * - M: `(S_II)⁻¹` where both are in, minus the covariance of what is left of both where both are out, and minus the regression of one on
 *   the other in between (the sweep operator; Goodnight, 1979, doi:10.2307/2683825);
 * - P = F·Fᵀ.
 *
 * A feature owns a block J of columns: one of a product, the positions of a filter of a convolution. Sweeping it changes the squared error by
 * `tr(M_JJ⁻¹ P_JJ)`: up by `w_J (S⁻¹)_JJ⁻¹ w_Jᵀ` when it leaves (optimal brain surgeon; Hassibi and Stork, 1993), down when it returns.
 *
 * What sweeps change of the two matrices waits until it makes a product that is worth an engine's while; only the blocks of features are
 * kept up to date, and rows that are asked for are brought up to date. Of both matrices the lower triangle alone is kept up.
 */
import { invertPositiveDefinite } from '../calibration/cholesky.js';
import { multiplyDoubles } from '../matrix/double-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';

/** Columns that are swept before the matrices change: a product of fewer is slower than the memory that it goes through. */
const WAITING = 128;
/** Rows of the matrices that one product changes. */
const STRIPE = 512;
/** Matrices without what left for good are laid out anew when it is this share of them. */
const SPARE = 0.15;

/** A sweep of block J, of s columns; arrays are of shape `[s, n]`, row-major. */
interface Sweep {
  readonly block: readonly number[];
  /** `M_J·` before it. */
  readonly mine: Float64Array;
  /** `M_JJ⁻¹ M_J·`. */
  readonly v: Float64Array;
  /** `P_J· − ½ P_JJ M_JJ⁻¹ M_J·`: M changes by `−Vᵀ·mine`, P by `−(Vᵀ·half + halfᵀ·V)`. */
  readonly half: Float64Array;
  /** Rows J of both matrices after it. */
  readonly m: Float64Array;
  readonly p: Float64Array;
}

export class FeatureSweep {
  #n: number;
  #m: Float64Array;
  #p: Float64Array;
  #blocks: readonly (readonly number[])[];
  readonly #engine: MatrixEngine;
  readonly #forGood: boolean;
  readonly #out: Uint8Array;
  /** M_JJ and P_JJ of each feature, up to date. */
  readonly #ownM: readonly Float64Array[];
  readonly #ownP: readonly Float64Array[];
  #waiting: Sweep[] = [];

  /**
   * All columns are in.
   *
   * @param inverse `S⁻¹`, shape `[n, n]`, ridge included; overwritten
   * @param contributions `Wᵀ W` of the weights with all columns in, shape `[n, n]`; overwritten
   * @param blocks the columns of each feature
   * @param forGood whether features that leave never return, which makes most of them cheaper
   */
  constructor(
    inverse: Float64Array,
    contributions: Float64Array,
    n: number,
    blocks: readonly (readonly number[])[],
    engine: MatrixEngine,
    forGood = false,
  ) {
    this.#n = n;
    this.#m = inverse;
    this.#p = contributions;
    this.#blocks = blocks;
    this.#engine = engine;
    this.#forGood = forGood;
    this.#out = new Uint8Array(blocks.length);
    const own = (matrix: Float64Array) =>
      blocks.map((block) => columnsOf(symmetricRows(matrix, block, n), block, n));
    this.#ownM = own(inverse);
    this.#ownP = own(contributions);
  }

  /** What sweeping a feature changes the error by. */
  change(feature: number): number {
    const { length } = this.#blocks[feature]!;
    if (length === 0) return 0;
    if (length === 1) return this.#ownP[feature]![0]! / this.#ownM[feature]![0]!;
    return traceOfProduct(this.#inverse(feature), this.#ownP[feature]!, length);
  }

  /** @returns what it changes the error by to take another feature out and then this one in */
  returning(feature: number): (leaves: number) => number {
    const [back, n] = [this.#blocks[feature]!, this.#n];
    const t = back.length;
    if (t === 0) return (leaves) => this.change(leaves);
    const { m, p } = this.#rows(back);
    const [ownM, ownP] = [this.#ownM[feature]!, this.#ownP[feature]!];
    return (leaves) => {
      const out = this.#blocks[leaves]!;
      const s = out.length;
      if (s === 0) return this.change(feature);
      if (s === 1 && t === 1) {
        const own = this.#ownM[leaves]![0]!;
        const square = this.#ownP[leaves]![0]!;
        const between = m[out[0]!]!;
        const v = between / own;
        const moved = ownP[0]! - 2 * v * p[out[0]!]! + v * v * square;
        return square / own + moved / (ownM[0]! - v * between);
      }
      const inverse = this.#inverse(leaves);
      const square = this.#ownP[leaves]!;
      const between = columnsOf(m, out, n);
      const v = multiply(between, inverse, t, s, s);
      const cross = columnsOf(p, out, n);
      const own = multiply(v, square, t, s, s);
      const [nextM, nextP] = [ownM.slice(), ownP.slice()];
      for (let a = 0; a < t; a++) {
        for (let b = 0; b < t; b++) {
          let [less, moved] = [0, 0];
          for (let c = 0; c < s; c++) {
            less += v[a * s + c]! * between[b * s + c]!;
            moved +=
              v[a * s + c]! * cross[b * s + c]! +
              cross[a * s + c]! * v[b * s + c]! -
              own[a * s + c]! * v[b * s + c]!;
          }
          nextM[a * t + b] = nextM[a * t + b]! - less;
          nextP[a * t + b] = nextP[a * t + b]! - moved;
        }
      }
      return traceOfProduct(inverse, square, s) + traceOfProduct(negativeInverse(nextM, t), nextP, t);
    };
  }

  /** Takes a feature out, or back in. */
  async sweep(feature: number): Promise<void> {
    const block = this.#blocks[feature]!;
    const sign = this.#out[feature] ? -1 : 1;
    const inverse = this.#inverse(feature);
    this.#out[feature] = 1 - this.#out[feature]!;
    const [n, s] = [this.#n, block.length];
    if (s === 0) return;
    const { m: mine, p: coupled } = this.#rows(block);
    const square = this.#ownP[feature]!;
    const v = multiply(inverse, mine, s, s, n);
    const pulled = multiply(square, v, s, s, n);
    const half = coupled.map((value, at) => value - 0.5 * pulled[at]!);
    // (P_J· − P_JJ V) by M_JJ⁻¹ are the rows of the block itself.
    const rest = coupled.map((value, at) => value - pulled[at]!);
    const p = multiply(inverse, rest, s, s, n).map((value) => sign * value);
    const m = v.map((value) => sign * value);
    const both = multiply(multiply(inverse, square, s, s, s), inverse, s, s, s);
    for (let a = 0; a < s; a++) {
      for (const [b, column] of block.entries()) {
        m[a * n + column] = -inverse[a * s + b]!;
        p[a * n + column] = both[a * s + b]!;
      }
    }
    const done: Sweep = { block, mine, v, half, m, p };
    for (const [other, columns] of this.#blocks.entries())
      if (other !== feature) this.#bringBlock(other, columns, done);
    this.#ownM[feature]!.set(inverse.map((value) => -value));
    square.set(both);
    this.#waiting.push(done);
    if (this.#waiting.reduce((sum, { block: { length } }) => sum + length, 0) >= WAITING)
      await this.#carryOut();
  }

  #bringBlock(feature: number, columns: readonly number[], { block, mine, v, half }: Sweep): void {
    const [n, s, t] = [this.#n, block.length, columns.length];
    const [m, p] = [this.#ownM[feature]!, this.#ownP[feature]!];
    for (let a = 0; a < s; a++) {
      const at = a * n;
      for (let i = 0; i < t; i++) {
        const row = at + columns[i]!;
        const [vi, hi] = [v[row]!, half[row]!];
        for (let j = 0; j < t; j++) {
          const column = at + columns[j]!;
          m[i * t + j] = m[i * t + j]! - vi * mine[column]!;
          p[i * t + j] = p[i * t + j]! - vi * half[column]! - hi * v[column]!;
        }
      }
    }
  }

  /** Some rows of both matrices, up to date: shape `[rows, n]`. */
  #rows(rows: readonly number[]): { m: Float64Array; p: Float64Array } {
    const n = this.#n;
    const [m, p] = [symmetricRows(this.#m, rows, n), symmetricRows(this.#p, rows, n)];
    for (const [r, row] of rows.entries())
      this.#bringRow(row, m.subarray(r * n, (r + 1) * n), p.subarray(r * n, (r + 1) * n));
    return { m, p };
  }

  /** Brings a row of each matrix up to date. */
  #bringRow(row: number, m: Float64Array, p: Float64Array): void {
    const n = this.#n;
    // What the last sweep of the row itself made of it, and all that came after.
    const last = this.#waiting.findLastIndex(({ block }) => block.includes(row));
    if (last >= 0) {
      const done = this.#waiting[last]!;
      const own = done.block.indexOf(row) * n;
      m.set(done.m.subarray(own, own + n));
      p.set(done.p.subarray(own, own + n));
    }
    for (const { block, mine, v, half, ...done } of this.#waiting.slice(last + 1)) {
      for (let from = 0; from < v.length; from += n) {
        const [vi, hi] = [v[from + row]!, half[from + row]!];
        for (let j = 0, at = from; j < n; j++, at++) {
          m[j] = m[j]! - vi * mine[at]!;
          p[j] = p[j]! - vi * half[at]! - hi * v[at]!;
        }
      }
      for (const [b, column] of block.entries()) {
        m[column] = done.m[b * n + row]!;
        p[column] = done.p[b * n + row]!;
      }
    }
  }

  /** Brings both matrices up to date. */
  async #carryOut(): Promise<void> {
    const n = this.#n;
    const swept = [...new Set(this.#waiting.flatMap(({ block }) => block))];
    const { m, p } = this.#rows(swept);
    const waiting = this.#waiting;
    this.#waiting = [];
    const stack = (...parts: readonly Float64Array[]): Float64Array => {
      const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    };
    const [v, half] = [waiting.map((done) => done.v), waiting.map((done) => done.half)];
    await this.#subtract(this.#m, stack(...v), stack(...waiting.map(({ mine }) => mine)));
    await this.#subtract(this.#p, stack(...v, ...half), stack(...half, ...v));
    for (const [r, row] of swept.entries()) {
      for (let i = 0; i < n; i++) {
        const at = i < row ? row * n + i : i * n + row;
        this.#m[at] = m[r * n + i]!;
        this.#p[at] = p[r * n + i]!;
      }
    }
    if (this.#forGood) this.#dropOut();
  }

  /** Lays the matrices out without the columns that are out. */
  #dropOut(): void {
    const n = this.#n;
    const gone = new Set(this.#blocks.flatMap((block, feature) => (this.#out[feature] ? block : [])));
    if (gone.size < SPARE * n) return;
    const stay = Array.from({ length: n }, (_, column) => column).filter((column) => !gone.has(column));
    const places = new Map(stay.map((column, place) => [column, place]));
    const without = (matrix: Float64Array): Float64Array => {
      const result = new Float64Array(stay.length ** 2);
      for (const [i, row] of stay.entries())
        for (let j = 0; j <= i; j++) result[i * stay.length + j] = matrix[row * n + stay[j]!]!;
      return result;
    };
    this.#m = without(this.#m);
    this.#p = without(this.#p);
    this.#n = stay.length;
    this.#blocks = this.#blocks.map((block) => block.flatMap((column) => places.get(column) ?? []));
  }

  /** The lower triangle of `matrix − AᵀB`, A and B of shape `[w, n]`. */
  async #subtract(matrix: Float64Array, a: Float64Array, b: Float64Array): Promise<void> {
    const n = this.#n;
    const w = a.length / n;
    for (let top = 0; top < n; top += STRIPE) {
      const bottom = Math.min(top + STRIPE, n);
      const turned = new Float64Array((bottom - top) * w);
      const left = new Float64Array(w * bottom);
      for (let k = 0; k < w; k++) {
        left.set(b.subarray(k * n, k * n + bottom), k * bottom);
        for (let i = top; i < bottom; i++) turned[(i - top) * w + k] = a[k * n + i]!;
      }
      const { data } = await multiplyDoubles(
        this.#engine,
        { rows: bottom - top, cols: w, data: turned },
        { rows: w, cols: bottom, data: left },
      );
      for (let i = top; i < bottom; i++) {
        const [row, from] = [i * n, (i - top) * bottom];
        for (let j = 0; j <= i; j++) matrix[row + j] = matrix[row + j]! - data[from + j]!;
      }
    }
  }

  /** `M_JJ⁻¹`: positive definite of a feature that is in, negative of one that is out. */
  #inverse(feature: number): Float64Array {
    const { length } = this.#blocks[feature]!;
    if (this.#out[feature]) return negativeInverse(this.#ownM[feature]!, length);
    const part = this.#ownM[feature]!.slice();
    if (!invertPositiveDefinite(part, length)) part.fill(0);
    return part;
  }
}

/** Some rows of a symmetric matrix of which the lower triangle is read. */
function symmetricRows(matrix: Float64Array, rows: readonly number[], n: number): Float64Array {
  const result = new Float64Array(rows.length * n);
  for (const [r, row] of rows.entries()) {
    result.set(matrix.subarray(row * n, row * n + row + 1), r * n);
    for (let j = row + 1; j < n; j++) result[r * n + j] = matrix[j * n + row]!;
  }
  return result;
}

/** Some columns of rows of n. */
function columnsOf(rows: Float64Array, columns: readonly number[], n: number): Float64Array {
  const result = new Float64Array((rows.length / n) * columns.length);
  let at = 0;
  for (let from = 0; from < rows.length; from += n)
    for (const column of columns) result[at++] = rows[from + column]!;
  return result;
}

/** The inverse of a negative definite matrix; zeros where it is not. */
function negativeInverse(matrix: Float64Array, n: number): Float64Array {
  const turned = matrix.map((value) => -value);
  return invertPositiveDefinite(turned, n) ? turned.map((value) => -value) : turned.fill(0);
}

/** `A·B` of shapes `[n, p]` and `[p, q]`. */
function multiply(a: Float64Array, b: Float64Array, n: number, p: number, q: number): Float64Array {
  const result = new Float64Array(n * q);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < p; k++) {
      const factor = a[i * p + k]!;
      for (let j = 0; j < q; j++) result[i * q + j] = result[i * q + j]! + factor * b[k * q + j]!;
    }
  }
  return result;
}

function traceOfProduct(a: Float64Array, b: Float64Array, n: number): number {
  let sum = 0;
  for (let at = 0; at < n * n; at++) sum += a[at]! * b[at]!;
  return sum;
}
