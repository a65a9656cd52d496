import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { type ContractCheck, ensure, ensureEqual, ensureInputError } from './contract-check.js';
import { randomMatrix } from './random-values.js';

/** Half a unit in the last place of float32, relative. */
const FLOAT32_ROUNDING = 2 ** -24;

/**
 * What every matrix engine has to do.
 *
 * @example
 * ```ts
 * for (const { name, run } of matrixEngineContract(portableEngine)) test(name, run);
 * ```
 */
export function matrixEngineContract(engine: MatrixEngine): ContractCheck[] {
  const product = async (a: DenseMatrix, b: DenseMatrix): Promise<void> => {
    ensureProduct(await engine.multiply(a, b), a, b);
  };
  return [
    {
      name: 'has a name and says whether it is native',
      run: async () => {
        ensure(engine.name.length > 0, 'the name is empty');
        ensure(
          typeof engine.native === 'boolean',
          `expected 'native' as true or false, got ${engine.native}`,
        );
      },
    },
    ...SHAPES.map(([n, p, q], i) => ({
      name: `multiplies [${n}, ${p}] by [${p}, ${q}] like loops do`,
      run: () => product(randomMatrix(n, p, 2 * i), randomMatrix(p, q, 2 * i + 1)),
    })),
    {
      name: 'multiplies values that are mostly zeros',
      run: () => {
        const [a, b] = [randomMatrix(20, 30, 1), randomMatrix(30, 20, 2)];
        for (let i = 0; i < a.data.length; i++) if (i % 10 > 0) a.data[i] = 0;
        return product(a, b);
      },
    },
    {
      name: 'multiplies a view into a larger array',
      run: () => {
        const data = randomMatrix(1, 3 + 20 + 30, 5).data;
        return product(denseMatrix(4, 5, data.subarray(3, 23)), denseMatrix(5, 6, data.subarray(23)));
      },
    },
    {
      name: 'leaves its operands as they are and returns a matrix of its own',
      run: async () => {
        const [a, b] = [randomMatrix(9, 9, 1), randomMatrix(9, 9, 2)];
        const [oldA, oldB] = [a.data.slice(), b.data.slice()];
        const first = await engine.multiply(a, b);
        const values = first.data.slice();
        const second = await engine.multiply(b, a);
        ensureEqual(a.data, oldA, 'A');
        ensureEqual(b.data, oldB, 'B');
        ensureEqual(first.data, values, 'the first product, after a second one');
        second.data.fill(7);
        ensureEqual(first.data, values, 'the first product, after the second one was written to');
      },
    },
    {
      name: 'runs several products at a time',
      run: async () => {
        const [a, b] = [randomMatrix(33, 21, 1), randomMatrix(21, 17, 2)];
        const transposedShapes = [randomMatrix(17, 21, 3), randomMatrix(21, 33, 4)] as const;
        const [first, second, third] = await Promise.all([
          engine.multiply(a, b),
          engine.multiply(...transposedShapes),
          engine.multiply(a, b),
        ]);
        ensureProduct(first, a, b);
        ensureProduct(second, ...transposedShapes);
        ensureProduct(third, a, b);
      },
    },
    {
      name: 'multiplies float64 without rounding to float32, where it says that it can',
      run: async () => {
        const values = (count: number, seed: number) =>
          Float64Array.from(randomMatrix(1, count, seed).data, (value) => value * (1 + 2 ** -40));
        const [a, b] = [
          { rows: 7, cols: 65, data: values(7 * 65, 1) },
          { rows: 65, cols: 5, data: values(65 * 5, 2) },
        ];
        const product = await engine.multiplyDoubles?.(a, b);
        if (product === undefined) return;
        ensure(product.data instanceof Float64Array, 'expected the values as a Float64Array');
        for (let i = 0; i < 7; i++) {
          for (let j = 0; j < 5; j++) {
            let sum = 0;
            for (let k = 0; k < 65; k++) sum += a.data[i * 65 + k]! * b.data[k * 5 + j]!;
            const found = product.data[i * product.cols + j]!;
            ensure(
              Math.abs(found - sum) <= 1e-12,
              `expected ${sum} at (${i}, ${j}) of a product of float64, got ${found}`,
            );
          }
        }
      },
    },
    {
      name: 'refuses inner dimensions that do not agree',
      run: () =>
        ensureInputError(
          () => engine.multiply(randomMatrix(2, 3, 1), randomMatrix(2, 3, 2)),
          ['BAD_MATRIX'],
          '[2, 3] · [2, 3]',
        ),
    },
  ];
}

/** Single values, odd sizes, sizes past common tile widths, long sums, and nothing at all. */
const SHAPES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 7, 1],
  [5, 1, 3],
  [3, 4, 5],
  [17, 31, 19],
  [65, 33, 130],
  [2, 3, 1025],
  [3, 2000, 2],
  [0, 3, 2],
  [2, 0, 3],
  [2, 3, 0],
];

/**
 * Compares with loops in float64. Sums of p products rounded to float32 in whatever order differ from the exact value by at most
 * about `(p + 1)·2⁻²⁴·Σ|a_ip b_pj|` (Higham, doi:10.1137/1.9780898718027, section 3.1).
 */
function ensureProduct(product: DenseMatrix, a: DenseMatrix, b: DenseMatrix): void {
  const { rows, cols, data } = product;
  ensure(
    rows === a.rows && cols === b.cols && data.length === a.rows * b.cols,
    `expected shape [${a.rows}, ${b.cols}], got [${rows}, ${cols}] with ${data.length} values`,
  );
  ensure(data instanceof Float32Array, 'expected the values as a Float32Array');
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      let sum = 0;
      let magnitudes = 0;
      for (let p = 0; p < a.cols; p++) {
        const term = a.data[i * a.cols + p]! * b.data[p * b.cols + j]!;
        sum += term;
        magnitudes += Math.abs(term);
      }
      const found = data[i * cols + j]!;
      ensure(
        Math.abs(found - sum) <= (a.cols + 1) * FLOAT32_ROUNDING * magnitudes,
        `expected about ${sum} at (${i}, ${j}), got ${found}`,
      );
    }
  }
}
