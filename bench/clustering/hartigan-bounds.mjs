// Child process: what the bounds of Hartigan's method save. From the same seeds once with them and once looking at all
// clusters at every visit.
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { computeGram, denseMatrix, Random } from '@spherize/core';
import { hartigan } from '../../packages/core/dist/clustering/hartigan.js';
import { cosineObjective, inertiaObjective } from '../../packages/core/dist/clustering/objective.js';
import { columnPoints, directionPoints } from '../../packages/core/dist/clustering/points.js';
import { seedPlusPlus } from '../../packages/core/dist/clustering/seeding.js';
import { answer, job, readVectors } from './job.mjs';

const OBJECTIVES = {
  kmeans: { points: columnPoints, objective: inertiaObjective },
  spherical: { points: directionPoints, objective: cosineObjective },
};

const { vectors: path, n, m, settings, seed } = job();
const engine = onnxRuntimeEngine();
const gram = await computeGram(denseMatrix(n, m, await readVectors(path)), engine);
await engine.release();
const columns = { count: n, norms: gram.diagonal.map(Math.sqrt), gram };

const runs = [];
for (const { clusterer, ratio, k } of settings) {
  const { points: pointsOf, objective } = OBJECTIVES[clusterer];
  const points = pointsOf(columns, undefined);
  const seeds = await seedPlusPlus(points, k, new Random(seed), {});
  // The first run of all also compiles the code: it is thrown away.
  if (runs.length === 0) await hartigan(points, seeds, k, objective, {});
  const measured = { clusterer, ratio, k };
  for (const bounds of [true, false]) {
    const start = performance.now();
    const { partition, iterations } = await hartigan(points, seeds, k, objective, { bounds });
    const seconds = (performance.now() - start) / 1000;
    let value = 0;
    for (let c = 0; c < k; c++) value += objective.value(partition.squaredNorms[c], partition.weights[c]);
    if (clusterer === 'kmeans') value = points.squaredNorms.reduce((sum, q) => sum + q, 0) - value;
    else value /= n;
    measured[bounds ? 'with' : 'without'] = { seconds, passes: iterations, value };
  }
  runs.push(measured);
}
answer({ runs });
