/**
 * The inverse of a symmetric positive definite matrix by its Cholesky factor `M = L·Lᵀ`, in float64.
 *
 * Written here because it is needed for thousands of rows: rows of L are contiguous, so every inner loop is a dot product of two
 * runs of memory. Cost: `n³` multiplications and additions, about a second for n = 1000. The inverse by ml-matrix'
 * CholeskyDecomposition takes 14 times as long for n = 200 and 8 times for n = 1000 (0.45 s against 0.03 s, 48 s against 5.8 s on a busy
 * machine, `bench/clustering/decompositions.mjs`), and other sums would change the bytes of calibrated models.
 *
 * @param matrix shape `[n, n]`, row-major, of which the lower triangle is read; it is overwritten by the whole inverse
 * @returns whether it is positive definite; if not, `matrix` holds nothing of use
 */
export function invertPositiveDefinite(matrix: Float64Array, n: number): boolean {
  if (!factorize(matrix, n)) return false;
  invertLower(matrix, n);
  multiplyTransposed(matrix, n);
  return true;
}

/**
 * `L⁻ᵀ` of a symmetric positive definite matrix `M = L·Lᵀ`, in float64: an upper triangle, `Lᵀ·L⁻ᵀ = I`.
 *
 * @param matrix as above; it is overwritten by `L⁻ᵀ`, its lower triangle by zeros
 */
export function invertCholeskyFactor(matrix: Float64Array, n: number): boolean {
  if (!factorize(matrix, n)) return false;
  invertLower(matrix, n);
  for (let i = 0; i < n; i++) matrix.fill(0, i * n, i * n + i);
  return true;
}

/** L takes the place of the lower triangle of a symmetric positive definite matrix `[n, n]`; returns whether it is one. */
export function factorize(m: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j <= i; j++) {
      const rest = m[row + j]! - dot(m, row, j * n, j);
      if (j < i) m[row + j] = rest / m[j * n + j]!;
      else if (rest > 0) m[row + i] = Math.sqrt(rest);
      else return false;
    }
  }
  return true;
}

/** `L⁻ᵀ` takes the place of the upper triangle and the diagonal: row j holds column j of `L⁻¹`. */
function invertLower(m: Float64Array, n: number): void {
  for (let j = 0; j < n; j++) {
    const column = j * n;
    const first = 1 / m[column + j]!;
    for (let i = j + 1; i < n; i++) {
      const row = i * n;
      // Σ_{j ≤ p < i} L_ip (L⁻¹)_pj; the diagonal of row i is still L_ii.
      let sum = m[row + j]! * first;
      for (let p = j + 1; p < i; p++) sum += m[row + p]! * m[column + p]!;
      m[column + i] = -sum / m[row + i]!;
    }
    m[column + j] = first;
  }
}

/** `M⁻¹ = L⁻ᵀ·L⁻¹` from the rows of `L⁻ᵀ`, both triangles. */
function multiplyTransposed(m: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let sum = 0;
      for (let p = j; p < n; p++) sum += m[i * n + p]! * m[j * n + p]!;
      // Entry (i, j) of L⁻ᵀ is read for the last time here; (j, i) lies in the triangle that nobody reads any more.
      m[i * n + j] = sum;
      m[j * n + i] = sum;
    }
  }
}

function dot(m: Float64Array, a: number, b: number, length: number): number {
  let even = 0;
  let odd = 0;
  let p = 0;
  for (; p + 1 < length; p += 2) {
    even += m[a + p]! * m[b + p]!;
    odd += m[a + p + 1]! * m[b + p + 1]!;
  }
  if (p < length) even += m[a + p]! * m[b + p]!;
  return even + odd;
}
