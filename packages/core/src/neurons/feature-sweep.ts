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
 */
import { invertPositiveDefinite } from '../calibration/cholesky.js';

export class FeatureSweep {
  readonly #n: number;
  readonly #m: Float64Array;
  readonly #p: Float64Array;
  readonly #blocks: readonly (readonly number[])[];
  readonly #out: Uint8Array;

  private constructor(n: number, m: Float64Array, p: Float64Array, blocks: readonly (readonly number[])[]) {
    this.#n = n;
    this.#m = m;
    this.#p = p;
    this.#blocks = blocks;
    this.#out = new Uint8Array(blocks.length);
  }

  /**
   * All columns are in.
   *
   * @param moments S, shape `[n, n]`, ridge included; overwritten
   * @param contributions `Wᵀ W` of the weights with all columns in, shape `[n, n]`; overwritten
   * @param blocks the columns of each feature
   * @returns undefined where S is singular
   */
  static start(
    moments: Float64Array,
    contributions: Float64Array,
    n: number,
    blocks: readonly (readonly number[])[],
  ): FeatureSweep | undefined {
    return invertPositiveDefinite(moments, n)
      ? new FeatureSweep(n, moments, contributions, blocks)
      : undefined;
  }

  /** What sweeping a feature changes the error by. */
  change(feature: number): number {
    const block = this.#blocks[feature]!;
    if (block.length === 0) return 0;
    if (block.length === 1) {
      const at = block[0]! * (this.#n + 1);
      return this.#p[at]! / this.#m[at]!;
    }
    return traceOfProduct(this.#inverse(feature), this.#part(this.#p, block, block), block.length);
  }

  /** What it changes the error by to take one feature out and then another one in. */
  exchange(leaves: number, returns: number): number {
    const [out, back] = [this.#blocks[leaves]!, this.#blocks[returns]!];
    const first = this.change(leaves);
    if (out.length === 0 || back.length === 0) return first + this.change(returns);
    const [s, t] = [out.length, back.length];
    if (s === 1 && t === 1) {
      const [i, j, n] = [out[0]!, back[0]!, this.#n];
      const between = this.#m[j * n + i]!;
      const v = between / this.#m[i * n + i]!;
      const cross = this.#p[i * n + j]!;
      const p = this.#p[j * n + j]! - 2 * v * cross + v * v * this.#p[i * n + i]!;
      return first + p / (this.#m[j * n + j]! - v * between);
    }
    const inverse = this.#inverse(leaves);
    const between = this.#part(this.#m, back, out);
    const v = multiply(between, inverse, t, s, s);
    const m = this.#part(this.#m, back, back);
    const p = this.#part(this.#p, back, back);
    const cross = this.#part(this.#p, out, back);
    const own = multiply(v, this.#part(this.#p, out, out), t, s, s);
    const moved = multiply(v, cross, t, s, t);
    for (let a = 0; a < t; a++) {
      for (let b = 0; b < t; b++) {
        let [less, more] = [0, 0];
        for (let c = 0; c < s; c++) {
          less += v[a * s + c]! * between[b * s + c]!;
          more += own[a * s + c]! * v[b * s + c]!;
        }
        m[a * t + b] = m[a * t + b]! - less;
        p[a * t + b] = p[a * t + b]! - moved[a * t + b]! - moved[b * t + a]! + more;
      }
    }
    return first + traceOfProduct(negativeInverse(m, t), p, t);
  }

  /** Takes a feature out, or back in. */
  sweep(feature: number): void {
    const block = this.#blocks[feature]!;
    const sign = this.#out[feature] ? -1 : 1;
    const inverse = this.#inverse(feature);
    this.#out[feature] = 1 - this.#out[feature]!;
    const [n, s] = [this.#n, block.length];
    if (s === 0) return;
    const [m, p] = [this.#m, this.#p];
    // Rows of the block before the sweep: V = M_·J M_JJ⁻¹, and P_·J.
    const mine = new Float64Array(s * n);
    const coupled = new Float64Array(s * n);
    const v = new Float64Array(s * n);
    for (const [a, row] of block.entries()) {
      mine.set(m.subarray(row * n, (row + 1) * n), a * n);
      coupled.set(p.subarray(row * n, (row + 1) * n), a * n);
    }
    for (let a = 0; a < s; a++)
      for (let b = 0; b < s; b++) addScaled(v, a * n, mine, b * n, inverse[a * s + b]!, n);
    const square = this.#part(p, block, block);
    // P_·J − ½ V P_JJ, so that the change of P is symmetric: −(V Hᵀ + H Vᵀ).
    const half = coupled.slice();
    for (let a = 0; a < s; a++)
      for (let b = 0; b < s; b++) addScaled(half, a * n, v, b * n, -0.5 * square[a * s + b]!, n);
    for (let a = 0; a < s; a++) {
      for (let i = 0; i < n; i++) {
        const vi = v[a * n + i]!;
        const hi = half[a * n + i]!;
        if (vi === 0 && hi === 0) continue;
        const row = i * n;
        for (let j = 0; j < n; j++) {
          m[row + j] = m[row + j]! - vi * mine[a * n + j]!;
          p[row + j] = p[row + j]! - vi * half[a * n + j]! - hi * v[a * n + j]!;
        }
      }
    }
    // (P_·J − V P_JJ) M_JJ⁻¹ and its like, for the block itself.
    const rest = coupled;
    for (let a = 0; a < s; a++)
      for (let b = 0; b < s; b++) addScaled(rest, a * n, v, b * n, -square[a * s + b]!, n);
    const turned = new Float64Array(s * n);
    for (let a = 0; a < s; a++)
      for (let b = 0; b < s; b++) addScaled(turned, a * n, rest, b * n, sign * inverse[a * s + b]!, n);
    for (const [a, row] of block.entries()) {
      for (let i = 0; i < n; i++) {
        m[row * n + i] = sign * v[a * n + i]!;
        m[i * n + row] = sign * v[a * n + i]!;
        p[row * n + i] = turned[a * n + i]!;
        p[i * n + row] = turned[a * n + i]!;
      }
    }
    const both = multiply(multiply(inverse, square, s, s, s), inverse, s, s, s);
    for (const [a, row] of block.entries()) {
      for (const [b, column] of block.entries()) {
        m[row * n + column] = -inverse[a * s + b]!;
        p[row * n + column] = both[a * s + b]!;
      }
    }
  }

  /** `M_JJ⁻¹`: positive definite of a feature that is in, negative of one that is out. */
  #inverse(feature: number): Float64Array {
    const block = this.#blocks[feature]!;
    const part = this.#part(this.#m, block, block);
    if (this.#out[feature]) return negativeInverse(part, block.length);
    if (!invertPositiveDefinite(part, block.length)) part.fill(0);
    return part;
  }

  #part(matrix: Float64Array, rows: readonly number[], columns: readonly number[]): Float64Array {
    const part = new Float64Array(rows.length * columns.length);
    let at = 0;
    for (const row of rows) for (const column of columns) part[at++] = matrix[row * this.#n + column]!;
    return part;
  }
}

/** The inverse of a negative definite matrix; zeros where it is not. */
function negativeInverse(matrix: Float64Array, n: number): Float64Array {
  const turned = matrix.map((value) => -value);
  return invertPositiveDefinite(turned, n) ? turned.map((value) => -value) : turned.fill(0);
}

function addScaled(
  to: Float64Array,
  at: number,
  from: Float64Array,
  start: number,
  factor: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[at + i] = to[at + i]! + factor * from[start + i]!;
}

/** `A·B` of shapes `[n, p]` and `[p, q]`. */
function multiply(a: Float64Array, b: Float64Array, n: number, p: number, q: number): Float64Array {
  const result = new Float64Array(n * q);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < p; k++) addScaled(result, i * q, b, k * q, a[i * p + k]!, q);
  return result;
}

function traceOfProduct(a: Float64Array, b: Float64Array, n: number): number {
  let sum = 0;
  for (let at = 0; at < n * n; at++) sum += a[at]! * b[at]!;
  return sum;
}
