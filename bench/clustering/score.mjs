// Child process: the one function that judges everybody's assignments. Float64 throughout.
import { readFile } from 'node:fs/promises';
import { answer, job, readVectors } from './job.mjs';

const { vectors: path, n, m, settings } = job();
const vectors = await readVectors(path);
const scores = [];
for (const { clusterer, k, path: file } of settings) {
  const bytes = await readFile(file);
  const assignment = new Int32Array(bytes.buffer, bytes.byteOffset, n);
  scores.push(clusterer === 'spherical' ? meanCosine(assignment, k) : inertia(assignment, k));
}
answer({ scores });

/** `Σ_j ‖w_j − mean of its cluster‖²`. */
function inertia(assignment, k) {
  const means = clusterSums(assignment, k, () => 1);
  const sizes = new Float64Array(k);
  for (const c of assignment) sizes[c]++;
  for (let c = 0; c < k; c++) for (let i = 0; i < m; i++) means[c * m + i] /= sizes[c];
  let total = 0;
  for (let j = 0; j < n; j++) {
    const mean = assignment[j] * m;
    let square = 0;
    for (let i = 0; i < m; i++) square += (vectors[j * m + i] - means[mean + i]) ** 2;
    total += square;
  }
  return total;
}

/** The mean cosine of a vector to the unit mean direction of its cluster: `Σ_clusters ‖Σ u_j‖ / n`. */
function meanCosine(assignment, k) {
  const sums = clusterSums(assignment, k, (j) => 1 / norm(vectors, j));
  let total = 0;
  for (let c = 0; c < k; c++) total += norm(sums, c);
  return total / n;
}

/** `Σ share(j)·w_j` over the members of each cluster, shape `[k, m]`. */
function clusterSums(assignment, k, share) {
  const sums = new Float64Array(k * m);
  for (let j = 0; j < n; j++) {
    const to = assignment[j] * m;
    const factor = share(j);
    for (let i = 0; i < m; i++) sums[to + i] += factor * vectors[j * m + i];
  }
  return sums;
}

function norm(rows, j) {
  let square = 0;
  for (let i = j * m; i < (j + 1) * m; i++) square += rows[i] * rows[i];
  return Math.sqrt(square);
}
