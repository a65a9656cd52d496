// Child process: the npm peers, on arrays of numbers as they want them (the conversion is not timed).
import { writeFile } from 'node:fs/promises';
import { answer, job, peakMemory, readVectors } from './job.mjs';

const PEERS = {
  'ml-kmeans': async () => {
    const { kmeans } = await import('ml-kmeans');
    return (data, k, { iterations, seed }) => {
      const result = kmeans(data, k, { maxIterations: iterations, seed });
      return { assignment: result.clusters, iterations: result.iterations };
    };
  },
  skmeans: async () => {
    const { default: skmeans } = await import('skmeans');
    // Its k-means++ costs n·k²·m; its default, random points as seeds, is the fast one.
    return (data, k, { iterations }) => {
      const result = skmeans(data, k, null, iterations);
      return { assignment: result.idxs, iterations: result.it };
    };
  },
};

const { peer, vectors: path, n, m, k, iterations, seed, path: target } = job();
const cluster = await PEERS[peer]();
const values = await readVectors(path);
const data = Array.from({ length: n }, (_, j) => Array.from(values.subarray(j * m, (j + 1) * m)));

const start = performance.now();
const result = cluster(data, k, { iterations, seed });
const seconds = (performance.now() - start) / 1000;
const peak = peakMemory();
await writeFile(target, Int32Array.from(result.assignment));
answer({ seconds, peak, iterations: result.iterations });
