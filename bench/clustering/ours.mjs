// Child process: Spherize. One Gram matrix for all settings, clusterings in worker threads, and every centroid.
// The clock runs from the vectors in memory to the last centroid: Gram matrix and start of the threads included.
import { writeFile } from 'node:fs/promises';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { computeGram, denseMatrix, kmeans, spherical } from '@spherize/core';
import { ClusteringPool } from '../../apps/cli/dist/clustering/clustering-pool.js';
import { answer, job, peakMemory, readVectors } from './job.mjs';

const CLUSTERERS = { kmeans, spherical };

const { vectors: path, n, m, settings, seed } = job();
const vectors = denseMatrix(n, m, await readVectors(path));

const start = performance.now();
const engine = onnxRuntimeEngine();
const gram = await computeGram(vectors, engine, { shared: true });
await engine.release();
const gramSeconds = (performance.now() - start) / 1000;
const columns = { count: n, norms: gram.diagonal.map(Math.sqrt), gram };
const pool = new ClusteringPool();
const clusterings = await Promise.all(
  settings.map(async ({ clusterer, k }) => {
    const pooled = pool.clusterer(clusterer, CLUSTERERS[clusterer]);
    const clustering = await pooled.cluster(columns, k, { seed });
    centroids(clustering, k);
    return clustering;
  }),
);
const seconds = (performance.now() - start) / 1000;

await pool.close();
const peak = peakMemory();
for (const [i, { assignment }] of clusterings.entries()) await writeFile(settings[i].path, assignment);
answer({ seconds, gramSeconds, peak, threads: pool.threads });

/** `c_k = Σ coefficient_j w_j` over the members, shape `[k, m]`: part of the work, though only assignments are scored. */
function centroids({ assignment, coefficients }, k) {
  const result = new Float32Array(k * m);
  for (let j = 0; j < n; j++) {
    const from = j * m;
    const to = assignment[j] * m;
    const share = coefficients[j];
    for (let i = 0; i < m; i++) result[to + i] += share * vectors.data[from + i];
  }
  return result;
}
