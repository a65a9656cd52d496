// One layer of the size of a large language model's, clustered with the Gram matrix in memory or computed row by row:
//   node bench/clustering/large.mjs [--columns 28672] [--rows 8192] [--ratio 0.5] [--clusterer kmeans] [--algorithm lloyd] [--memory 1e9]
import { parseArgs } from 'node:util';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { clusterColumns, clusterers, denseMatrix, prepareColumns, Random, withOptions } from '@spherize/core';

const { values: options } = parseArgs({
  options: {
    columns: { type: 'string', default: '28672' },
    rows: { type: 'string', default: '8192' },
    ratio: { type: 'string', default: '0.5' },
    clusterer: { type: 'string', default: 'kmeans' },
    algorithm: { type: 'string', default: 'lloyd' },
    memory: { type: 'string' },
  },
});
const [n, m, ratio] = [options.columns, options.rows, options.ratio].map(Number);
const k = Math.max(1, Math.round(n * (1 - ratio)));

// Columns in groups of a few, so that there is something to find.
const random = new Random(0);
const weights = denseMatrix(m, n);
for (let i = 0; i < m; i++) {
  const row = weights.data.subarray(i * n, (i + 1) * n);
  for (let j = 0; j < n; j++) row[j] = (j % 3 === 0 ? 0 : 0.5 * row[j - 1]) + (random.uniform() - 0.5);
}

const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
const say = (text) => console.log(`${seconds().padStart(7)} s  ${text}`);
const memory = options.memory === undefined ? undefined : Number(options.memory);
say(
  `${n} columns of ${m} (${((4 * n * m) / 1e9).toFixed(2)} GB), k = ${k}; Gram matrix ${((4 * n * n) / 1e9).toFixed(2)} GB, ` +
    (memory === undefined ? 'held' : `budget ${(memory / 1e9).toFixed(2)} GB`),
);
const columns = await prepareColumns(weights, onnxRuntimeEngine(), { memory });
say('columns prepared');
let phase = '';
const { algorithm } = options;
const clusterer = withOptions(await clusterers.find(options.clusterer), { algorithm });
const clustering = await clusterColumns(clusterer, columns, k, {
  onProgress: (progress) => {
    if (progress.phase === phase && progress.phase === 'seeding') return;
    phase = progress.phase;
    say(`${phase} ${progress.done}`);
  },
});
say(`done: objective ${clustering.objective.toPrecision(7)}, ${clustering.iterations} iterations`);
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB`);
