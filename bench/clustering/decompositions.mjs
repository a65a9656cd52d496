// Own decompositions beside those of ml-matrix, medians of several runs in milliseconds:
//   node bench/clustering/decompositions.mjs

import { invertPositiveDefinite } from '../../packages/core/dist/calibration/cholesky.js';
import {
  denseMatrix,
  lowRankApproximation,
  portableEngine,
  Random,
  toMlMatrix,
} from '../../packages/core/dist/index.js';
import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  Matrix,
  SVD,
} from '../../packages/core/node_modules/ml-matrix/matrix.mjs';

const random = new Random(1);
const normal = (rows, cols) =>
  denseMatrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => random.normal()),
  );

/** Median milliseconds of a computation; of a slow one fewer runs. */
async function median(compute) {
  const times = [];
  for (let total = 0; times.length < 3 || (total < 1000 && times.length < 30); ) {
    const started = performance.now();
    await compute();
    times.push(performance.now() - started);
    total += times.at(-1);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

function print(what, figures) {
  console.log(
    what.padEnd(34) +
      Object.entries(figures)
        .map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`)
        .join('   '),
  );
}

/** A positive definite matrix `AAᵀ/n + I`. */
function definite(n) {
  const factor = toMlMatrix(normal(n, n));
  return factor.mmul(factor.transpose()).div(n).add(Matrix.eye(n));
}

for (const n of [50, 200, 1000]) {
  const matrix = definite(n);
  const flat = Float64Array.from(matrix.to1DArray());
  print(`inverse by Cholesky, n = ${n}`, {
    own: await median(() => invertPositiveDefinite(flat.slice(), n)),
    'ml-matrix': await median(() => new CholeskyDecomposition(matrix).solve(Matrix.eye(n))),
  });
}
for (const [m, n] of [
  [10, 16],
  [16, 16],
  [24, 24],
  [32, 32],
  [32, 64],
  [48, 48],
  [64, 64],
  [128, 128],
  [10, 512],
  [256, 256],
]) {
  const weights = normal(m, n);
  const rank = Math.max(1, Math.floor(Math.min(m, n) / 4));
  print(`rank ${rank} of ${m} × ${n}`, {
    own: await median(() => lowRankApproximation(weights, rank, portableEngine)),
    'ml-matrix': await median(() => new SVD(toMlMatrix(weights), { autoTranspose: true })),
  });
}
for (const k of [4, 16, 64]) {
  const gram = definite(k);
  const start = new Float64Array(k).fill(1);
  print(`leading eigenvector, ${k} columns`, {
    'power step': await median(() =>
      Float64Array.from(start, (_, i) => start.reduce((sum, v, j) => sum + v * gram.get(i, j), 0)),
    ),
    'ml-matrix eigenvalues': await median(() => new EigenvalueDecomposition(gram, { assumeSymmetric: true })),
    'ml-matrix SVD': await median(() => new SVD(gram)),
  });
}
