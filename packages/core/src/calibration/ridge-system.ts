/**
 * Ridge regression with an intercept, `min_{D, d} Σ ‖r − D z − d‖² + λ‖D‖²`, over any number of rows in bounded memory.
 *
 * Up to k rows are kept as they are and the dual system is solved, `Dᵀ = Zᵀ (Z Zᵀ + λI)⁻¹ R` of size N; from then on only
 * second moments are kept, and `Dᵀ = (Zᵀ Z + λI)⁻¹ Zᵀ R` of size k is solved. Both give the same D (Hoerl and Kennard, 1970,
 * doi:10.1080/00401706.1970.10488634; the dual form: Saunders, Gammerman and Vovk, ICML 1998).
 */
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { invertPositiveDefinite } from './cholesky.js';
import { addTo } from './moments.js';

/** D and d. */
export interface RidgeSolution {
  /** Dᵀ of shape `[k, m]`. */
  readonly coefficients: DenseMatrix;
  /** d, m values; all zero without an intercept. */
  readonly intercept: Float64Array;
}

/** All rows about their means: Zᵀ, R, and Z·Zᵀ. */
interface DualSystem {
  readonly turned: DenseMatrix;
  readonly r: DenseMatrix;
  readonly gram: Float32Array;
}

export class RidgeSystem {
  readonly #k: number;
  readonly #m: number;
  readonly #engine: MatrixEngine;
  readonly #intercept: boolean;
  /** Subtracted from all rows: moments about a point near the mean lose no digits. */
  #origin: { z: Float32Array; r: Float32Array } | undefined;
  #rows = 0;
  #sumZ: Float64Array;
  #sumR: Float64Array;
  /** Rows about the origin, until there are more than k. */
  #kept: { z: DenseMatrix; r: DenseMatrix }[] = [];
  /** Until rows are added. */
  #dual: DualSystem | undefined;
  #moments: { zz: Float64Array; zr: Float64Array } | undefined;

  constructor(k: number, m: number, intercept: boolean, engine: MatrixEngine) {
    this.#k = k;
    this.#m = m;
    this.#engine = engine;
    this.#intercept = intercept;
    this.#sumZ = new Float64Array(k);
    this.#sumR = new Float64Array(m);
  }

  /** @param z shape `[N, k]`; @param r shape `[N, m]` */
  async add(z: DenseMatrix, r: DenseMatrix): Promise<void> {
    if (z.rows === 0) return;
    this.#dual = undefined;
    this.#origin ??= this.#intercept
      ? { z: columnMeans(z), r: columnMeans(r) }
      : { z: new Float32Array(this.#k), r: new Float32Array(this.#m) };
    const rows = { z: shifted(z, this.#origin.z), r: shifted(r, this.#origin.r) };
    this.#rows += z.rows;
    addColumnSums(rows.z, this.#sumZ);
    addColumnSums(rows.r, this.#sumR);
    if (this.#moments) return this.#accumulate(rows);
    this.#kept.push(rows);
    if (this.#rows <= this.#k) return;
    this.#moments = {
      zz: new Float64Array(this.#k * this.#k),
      zr: new Float64Array(this.#k * this.#m),
    };
    for (const batch of this.#kept.splice(0)) await this.#accumulate(batch);
  }

  /**
   * @param strength λ as a multiple of the mean of `Σ z_c²` (about the mean) over c; infinite: the intercept alone
   * @returns undefined when the system is singular at this strength
   */
  async solve(strength: number): Promise<RidgeSolution | undefined> {
    const means = this.#intercept
      ? {
          z: this.#sumZ.map((sum) => sum / this.#rows),
          r: this.#sumR.map((sum) => sum / this.#rows),
        }
      : { z: new Float64Array(this.#k), r: new Float64Array(this.#m) };
    const coefficients =
      strength === Number.POSITIVE_INFINITY
        ? denseMatrix(this.#k, this.#m)
        : this.#moments
          ? await this.#solvePrimal(strength, means.z, means.r)
          : await this.#solveDual(strength, means.z, means.r);
    return coefficients && { coefficients, intercept: this.#interceptFor(coefficients, means.z, means.r) };
  }

  async #accumulate({ z, r }: { z: DenseMatrix; r: DenseMatrix }): Promise<void> {
    const { zz, zr } = this.#moments!;
    const turned = transpose(z);
    addTo(zz, (await this.#engine.multiply(turned, z)).data);
    addTo(zr, (await this.#engine.multiply(turned, r)).data);
  }

  async #solveDual(
    strength: number,
    meanZ: Float64Array,
    meanR: Float64Array,
  ): Promise<DenseMatrix | undefined> {
    const n = this.#rows;
    this.#dual ??= await this.#dualSystem(meanZ, meanR);
    const { turned, r, gram } = this.#dual;
    const system = Float64Array.from(gram);
    const lambda = (strength * trace(system, n)) / this.#k;
    if (!regularise(system, n, lambda)) return undefined;
    const inverse = denseMatrix(n, n, Float32Array.from(system));
    return this.#engine.multiply(turned, await this.#engine.multiply(inverse, r));
  }

  /** What all strengths share. */
  async #dualSystem(meanZ: Float64Array, meanR: Float64Array): Promise<DualSystem> {
    const batches = this.#kept;
    const z = centred(
      batches.map((batch) => batch.z),
      this.#rows,
      this.#k,
      meanZ,
    );
    const r = centred(
      batches.map((batch) => batch.r),
      this.#rows,
      this.#m,
      meanR,
    );
    const turned = transpose(z);
    return { turned, r, gram: (await this.#engine.multiply(z, turned)).data };
  }

  async #solvePrimal(
    strength: number,
    meanZ: Float64Array,
    meanR: Float64Array,
  ): Promise<DenseMatrix | undefined> {
    const k = this.#k;
    const m = this.#m;
    const { zz, zr } = this.#moments!;
    const system = zz.map((value, at) => value - this.#rows * meanZ[Math.floor(at / k)]! * meanZ[at % k]!);
    const right = denseMatrix(k, m);
    for (let c = 0; c < k; c++) {
      for (let i = 0; i < m; i++) right.data[c * m + i] = zr[c * m + i]! - this.#rows * meanZ[c]! * meanR[i]!;
    }
    if (!regularise(system, k, (strength * trace(system, k)) / k)) return undefined;
    return this.#engine.multiply(denseMatrix(k, k, Float32Array.from(system)), right);
  }

  /** `d = r̄ − D z̄`, with the origins put back. */
  #interceptFor(coefficients: DenseMatrix, meanZ: Float64Array, meanR: Float64Array): Float64Array {
    const intercept = new Float64Array(this.#m);
    if (!this.#intercept || !this.#origin) return intercept;
    for (let i = 0; i < this.#m; i++) intercept[i] = this.#origin.r[i]! + meanR[i]!;
    for (let c = 0; c < this.#k; c++) {
      const mean = this.#origin.z[c]! + meanZ[c]!;
      const row = c * this.#m;
      for (let i = 0; i < this.#m; i++) intercept[i] = intercept[i]! - mean * coefficients.data[row + i]!;
    }
    return intercept;
  }
}

/** `(M + λI)⁻¹` in place of M. */
function regularise(system: Float64Array, n: number, lambda: number): boolean {
  if (!(lambda > 0)) return false;
  for (let i = 0; i < n; i++) system[i * n + i] = system[i * n + i]! + lambda;
  return invertPositiveDefinite(system, n);
}

function trace(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i]!;
  return sum;
}

function columnMeans({ rows, cols, data }: DenseMatrix): Float32Array {
  const sums = new Float64Array(cols);
  addColumnSums({ rows, cols, data }, sums);
  return Float32Array.from(sums, (sum) => sum / rows);
}

function addColumnSums({ rows, cols, data }: DenseMatrix, sums: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) sums[j] = sums[j]! + data[i * cols + j]!;
  }
}

function shifted({ rows, cols, data }: DenseMatrix, origin: Float32Array): DenseMatrix {
  const result = denseMatrix(rows, cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) result.data[i * cols + j] = data[i * cols + j]! - origin[j]!;
  }
  return result;
}

/** Batches below each other, less the mean of every column. */
function centred(
  batches: readonly DenseMatrix[],
  rows: number,
  cols: number,
  mean: Float64Array,
): DenseMatrix {
  const result = denseMatrix(rows, cols);
  let at = 0;
  for (const { data } of batches) {
    for (let p = 0; p < data.length; p++) result.data[at + p] = data[p]! - mean[p % cols]!;
    at += data.length;
  }
  return result;
}
