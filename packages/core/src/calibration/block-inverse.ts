/** The inverse of a large symmetric positive definite matrix, block by block, with the products left to the engine. */
import { multiplyDoubles } from '../matrix/double-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { invertPositiveDefinite } from './cholesky.js';

/** Columns that are eliminated at a time. */
const BLOCK = 96;
/** Rows that one product changes. */
const STRIPE = 384;

/**
 * By symmetric sweeps of blocks of columns K, in float64: `M_KK ← −D⁻¹`, `M_RK ← M_RK D⁻¹`, `M_RR ← M_RR − M_RK D⁻¹ M_KR`; when all are
 * swept M is `−S⁻¹` (Goodnight, 1979, doi:10.2307/2683825). Cost: `n³` multiplications and additions.
 *
 * @param matrix S, shape `[n, n]`, row-major, of which the lower triangle is read; it is overwritten by the whole inverse
 * @returns whether it is positive definite; if not, `matrix` holds nothing of use
 */
export async function invertByBlocks(
  matrix: Float64Array,
  n: number,
  engine: MatrixEngine,
): Promise<boolean> {
  if (n <= BLOCK) return invertPositiveDefinite(matrix, n);
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    if (!(await sweepBlock(matrix, n, start, end, engine))) return false;
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = -matrix[i * n + j]!;
      matrix[i * n + j] = value;
      matrix[j * n + i] = value;
    }
  }
  return true;
}

/** Sweeps the columns `[start, end)` of the lower triangle. */
async function sweepBlock(
  m: Float64Array,
  n: number,
  start: number,
  end: number,
  engine: MatrixEngine,
): Promise<boolean> {
  const b = end - start;
  const pivot = new Float64Array(b * b);
  for (let k = 0; k < b; k++) pivot.set(m.subarray((start + k) * n + start, (start + k) * n + end), k * b);
  if (!invertPositiveDefinite(pivot, b)) return false;
  // M_K· without the block itself, which then changes nothing of it.
  const rows = new Float64Array(b * n);
  for (let k = 0; k < b; k++) rows.set(m.subarray((start + k) * n, (start + k) * n + start), k * n);
  for (let j = end; j < n; j++) for (let k = 0; k < b; k++) rows[k * n + j] = m[j * n + start + k]!;
  const solved = await multiplyDoubles(
    engine,
    { rows: b, cols: b, data: pivot },
    { rows: b, cols: n, data: rows },
  );
  for (let top = 0; top < n; top += STRIPE) {
    const bottom = Math.min(top + STRIPE, n);
    const left = new Float64Array((bottom - top) * b);
    for (let i = top; i < bottom; i++) for (let k = 0; k < b; k++) left[(i - top) * b + k] = rows[k * n + i]!;
    const right = new Float64Array(b * bottom);
    for (let k = 0; k < b; k++) right.set(solved.data.subarray(k * n, k * n + bottom), k * bottom);
    const { data } = await multiplyDoubles(
      engine,
      { rows: bottom - top, cols: b, data: left },
      { rows: b, cols: bottom, data: right },
    );
    for (let i = top; i < bottom; i++) {
      const from = (i - top) * bottom;
      for (let j = 0; j <= i; j++) m[i * n + j] = m[i * n + j]! - data[from + j]!;
    }
  }
  for (let k = 0; k < b; k++) {
    const row = (start + k) * n;
    m.set(solved.data.subarray(k * n, k * n + start), row);
    for (let c = 0; c < b; c++) m[row + start + c] = -pivot[k * b + c]!;
    for (let j = end; j < n; j++) m[j * n + start + k] = solved.data[k * n + j]!;
  }
  return true;
}
