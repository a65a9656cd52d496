/** Products of float64: what elimination needs, where float32 would lose the digits that decide. */
import { InputError } from '../errors.js';
import type { MatrixEngine } from './matrix-engine.js';

/** A dense float64 matrix of shape `[rows, cols]`, row-major: element (i, j) is `data[i * cols + j]`. */
export interface DoubleMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** Products of fewer multiplications are made by loops: handing them to an engine costs more. */
const FEWEST = 2 ** 16;

/**
 * `A·B` in float64, by the engine where it has such products, else by loops at about 3 GFLOP/s.
 *
 * @param a shape `[n, p]`
 * @param b shape `[p, q]`
 * @throws InputError `BAD_MATRIX` when the inner dimensions disagree
 */
export async function multiplyDoubles(
  engine: MatrixEngine,
  a: DoubleMatrix,
  b: DoubleMatrix,
): Promise<DoubleMatrix> {
  if (a.cols !== b.rows)
    throw new InputError(
      'BAD_MATRIX',
      `multiply: the inner dimensions must agree, got [${a.rows}, ${a.cols}] · [${b.rows}, ${b.cols}]`,
    );
  if (engine.multiplyDoubles !== undefined && a.rows * a.cols * b.cols >= FEWEST)
    return engine.multiplyDoubles(a, b);
  return product(a, b);
}

/** Two rows of A times four columns of B at a time, which are laid out side by side: eight sums stay in registers. */
function product(a: DoubleMatrix, b: DoubleMatrix): DoubleMatrix {
  const [n, p, q] = [a.rows, a.cols, b.cols];
  const result = new Float64Array(n * q);
  const panel = new Float64Array(4 * p);
  for (let j = 0; j < q; j += 4) {
    const width = Math.min(4, q - j);
    for (let k = 0; k < p; k++)
      for (let c = 0; c < 4; c++) panel[4 * k + c] = c < width ? b.data[k * q + j + c]! : 0;
    for (let i = 0; i < n; i += 2) {
      const upper = i * p;
      const lower = i + 1 < n ? upper + p : upper;
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let k = 0, at = 0; k < p; k++, at += 4) {
        const x = a.data[upper + k]!;
        const y = a.data[lower + k]!;
        const [z0, z1, z2, z3] = [panel[at]!, panel[at + 1]!, panel[at + 2]!, panel[at + 3]!];
        a0 += x * z0;
        a1 += x * z1;
        a2 += x * z2;
        a3 += x * z3;
        b0 += y * z0;
        b1 += y * z1;
        b2 += y * z2;
        b3 += y * z3;
      }
      result.set([a0, a1, a2, a3].slice(0, width), i * q + j);
      if (lower !== upper) result.set([b0, b1, b2, b3].slice(0, width), (i + 1) * q + j);
    }
  }
  return { rows: n, cols: q, data: result };
}
