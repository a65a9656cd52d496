import type { Progress } from '../cancellation.js';
import { clusterColumns, type PreparedColumns, prepareColumns } from '../clustering/cluster-columns.js';
import type {
  Clusterer,
  ClustererOption,
  ClustererOptionValues,
  Clustering,
  ClusterOptions,
  Columns,
} from '../clustering/clusterer.js';
import { optionTable, withOptions } from '../clustering/own-options.js';
import { compressedLayer, reconstruct } from '../compression/compressed-layer.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { Gram } from '../matrix/gram.js';
import { portableEngine } from '../matrix/portable-engine.js';
import { type ContractCheck, ensure, ensureClose, ensureEqual, failureOf } from './contract-check.js';
import { matrixOfColumns, randomMatrix } from './random-values.js';

const DIMENSIONS = 9;
const COLUMNS = 26;
const CLUSTERS = 8;

/** Serving the Gram matrix in other blocks may change the order of float64 sums, and nothing more. */
const FLOAT64_SUMS = { relative: 1e-9 };

/**
 * What every clusterer has to do, whatever it optimises.
 *
 * @example
 * ```ts
 * for (const { name, run } of clustererContract(spherical)) test(name, run);
 * ```
 */
export function clustererContract(clusterer: Clusterer): ContractCheck[] {
  const cluster = async (
    columns: Columns,
    k: number,
    options: ClusterOptions = {},
    own: ClustererOptionValues = {},
  ): Promise<Clustering> => {
    const clustering = await withOptions(clusterer, own).cluster(columns, k, options);
    ensureValid(clustering, columns.count, k);
    return clustering;
  };
  return [
    {
      name: 'has a name',
      run: async () => ensure(clusterer.name.length > 0, 'the name is empty'),
    },
    ...[1, 2, CLUSTERS, COLUMNS - 1, COLUMNS].map((k) => ({
      name: `puts ${COLUMNS} columns into at most ${k} clusters`,
      run: async () => {
        await cluster(await randomColumns(), k);
      },
    })),
    {
      name: 'takes a single column',
      run: async () => {
        await cluster(await columnsOf(randomMatrix(DIMENSIONS, 1, 3)), 1);
      },
    },
    {
      name: 'takes columns of a single row',
      run: async () => {
        await cluster(await columnsOf(matrixOfColumns([[1], [-2], [3], [-4], [5]])), 3);
      },
    },
    {
      name: 'takes duplicates, even when fewer than k columns are distinct',
      run: async () => {
        for (let seed = 0; seed < 5; seed++) {
          const distinct = randomMatrix(3, DIMENSIONS, seed);
          const columns = await columnsOf(
            matrixOfColumns(Array.from({ length: 15 }, (_, j) => rowOf(distinct, j % 3))),
          );
          for (const k of [2, 3, 5, 14]) await cluster(columns, k, { seed });
        }
      },
    },
    {
      name: 'takes columns of one direction and of opposite ones',
      run: async () => {
        const direction = rowOf(randomMatrix(1, DIMENSIONS, 4), 0);
        const columns = await columnsOf(
          matrixOfColumns([1, 2, 0.5, -1, -3, 8].map((t) => direction.map((v) => t * v))),
        );
        for (const k of [1, 2, 4]) await cluster(columns, k);
      },
    },
    {
      name: 'leaves columns that are all zero to be dropped',
      run: async () => {
        const weights = randomMatrix(DIMENSIONS, COLUMNS, 5);
        const zero = [0, 7, COLUMNS - 1];
        for (let i = 0; i < DIMENSIONS; i++) for (const j of zero) weights.data[i * COLUMNS + j] = 0;
        const columns = await prepareColumns(weights, portableEngine);
        const clustering = await clusterColumns(clusterer, columns, CLUSTERS);
        const layer = compressedLayer(weights, columns, clustering);
        const restored = reconstruct(layer);
        for (const j of zero) {
          ensure(layer.assignment[j] === -1, `column ${j} is zero, but in cluster ${layer.assignment[j]}`);
        }
        ensure(
          layer.centroids.cols <= CLUSTERS,
          `expected at most ${CLUSTERS} centroids, got ${layer.centroids.cols}`,
        );
        ensure(restored.data.every(Number.isFinite), 'the restored weights are not finite');
      },
    },
    {
      name: 'gives the same result for the same seed',
      run: async () => {
        const columns = await randomColumns();
        for (const seed of [0, 1, 2 ** 31]) {
          const first = await cluster(columns, CLUSTERS, { seed });
          ensureSame(await cluster(columns, CLUSTERS, { seed }), first, `seed ${seed}, again`);
        }
        const unseeded = await cluster(columns, CLUSTERS);
        ensureSame(unseeded, await cluster(columns, CLUSTERS, { seed: 0 }), 'no seed and seed 0');
      },
    },
    {
      name: 'keeps runs at the same time apart',
      run: async () => {
        const columns = await randomColumns();
        const slow = served(columns, 1, true);
        const alone = [await cluster(slow, 3, { seed: 1 }), await cluster(slow, CLUSTERS, { seed: 2 })];
        const together = await Promise.all([
          cluster(slow, 3, { seed: 1 }),
          cluster(slow, CLUSTERS, { seed: 2 }),
        ]);
        together.forEach((clustering, i) => {
          ensureSame(clustering, alone[i]!, `run ${i} beside another`);
        });
      },
    },
    {
      name: 'does not depend on how the Gram matrix is served',
      run: async () => {
        const columns = await randomColumns();
        const expected = await cluster(columns, CLUSTERS);
        for (const blockRows of [1, 7, COLUMNS]) {
          for (const asynchronous of [false, true]) {
            const found = await cluster(served(columns, blockRows, asynchronous), CLUSTERS);
            const what = `blocks of ${blockRows}${asynchronous ? ', asynchronous' : ''}`;
            ensureEqual(found.assignment, expected.assignment, `${what}: assignment`);
            ensureClose(found.scales, expected.scales, FLOAT64_SUMS, `${what}: scales`);
            ensureClose(found.coefficients, expected.coefficients, FLOAT64_SUMS, `${what}: coefficients`);
          }
        }
      },
    },
    {
      name: 'accepts a weight per column and leaves all it is given as it is',
      run: async () => {
        const columns = await randomColumns();
        const weights = Float64Array.from({ length: COLUMNS }, (_, j) => 0.25 + (j % 5));
        const before = {
          weights: weights.slice(),
          norms: columns.norms.slice(),
          diagonal: columns.gram.diagonal.slice(),
          rows: (await columns.gram.rows(0, COLUMNS)).slice(),
        };
        await cluster(columns, CLUSTERS, { weights });
        ensureEqual(weights, before.weights, 'weights');
        ensureEqual(columns.norms, before.norms, 'norms');
        ensureEqual(columns.gram.diagonal, before.diagonal, 'diagonal');
        ensureEqual(await columns.gram.rows(0, COLUMNS), before.rows, 'Gram matrix');
      },
    },
    {
      name: 'describes its options, if any, and takes what it describes',
      run: async () => {
        const columns = await randomColumns();
        for (const [name, option] of Object.entries(optionTable(clusterer)))
          for (const value of extremesOf(option)) await cluster(columns, CLUSTERS, {}, { [name]: value });
      },
    },
    {
      name: "rejects with the signal's reason when it is aborted beforehand",
      run: async () => {
        const columns = await randomColumns();
        const reason = new Error('no longer needed');
        const signal = AbortSignal.abort(reason);
        const error = await failureOf(() => cluster(columns, CLUSTERS, { signal }), 'an aborted signal');
        ensure(error === reason, `expected the signal's reason, got ${error}`);
      },
    },
    {
      name: 'stops when it is aborted on the way',
      run: async () => {
        const columns = await randomColumns();
        const reason = new Error('no longer needed');
        const controller = new AbortController();
        let reads = 0;
        const watched = served(columns, 7, true, () => {
          if (++reads === 2) controller.abort(reason);
        });
        const run = (): Promise<Clustering> => cluster(watched, CLUSTERS, { signal: controller.signal });
        const error = await failureOf(async () => {
          await run();
          // It was through before it asked for rows a second time: nothing was there to be stopped.
          if (reads < 2) throw reason;
        }, 'aborted at the second read of the Gram matrix');
        ensure(error === reason, `expected the signal's reason, got ${error}`);
      },
    },
    {
      name: 'reports progress that makes sense, if any',
      run: async () => {
        let last: Progress | undefined;
        const onProgress = (progress: Progress): void => {
          ensureProgress(progress, last);
          last = progress;
        };
        await cluster(await randomColumns(), CLUSTERS, { onProgress });
      },
    },
  ];
}

function ensureValid(clustering: Clustering, count: number, k: number): void {
  const { assignment, scales, coefficients, objective, iterations } = clustering;
  ensure(assignment instanceof Int32Array, "expected 'assignment' as an Int32Array");
  for (const [key, values] of Object.entries({ assignment, scales, coefficients })) {
    ensure(values.length === count, `${key}: expected ${count} values, got ${values.length}`);
  }
  for (let j = 0; j < count; j++) {
    const c = assignment[j]!;
    ensure(c >= -1 && c < k, `column ${j} is in cluster ${c}, expected -1 or one in [0, ${k})`);
    const scale = scales[j]!;
    ensure(
      Number.isFinite(scale) && scale >= 0,
      `column ${j} has scale ${scale}, expected a finite one >= 0`,
    );
    ensure(Number.isFinite(coefficients[j]!), `column ${j} has coefficient ${coefficients[j]}`);
  }
  ensure(
    objective === undefined || Number.isFinite(objective),
    `expected a finite objective or none, got ${objective}`,
  );
  ensure(
    iterations === undefined || (Number.isInteger(iterations) && iterations >= 0),
    `expected a count of iterations or none, got ${iterations}`,
  );
}

/** All values of an option, or those at its bounds. */
function extremesOf(option: ClustererOption): readonly (string | number | boolean)[] {
  if (option.type === 'boolean') return [false, true];
  if (option.type === 'enum') return option.values;
  return [option.min, option.default, option.max].filter((value) => value !== undefined);
}

function ensureSame(actual: Clustering, expected: Clustering, what: string): void {
  for (const key of ['assignment', 'scales', 'coefficients'] as const) {
    ensureEqual(actual[key], expected[key], `${what}: ${key}`);
  }
}

function ensureProgress(progress: Progress, last: Progress | undefined): void {
  const { phase, done, total } = progress;
  const found = JSON.stringify(progress);
  ensure(typeof phase === 'string' && phase.length > 0, `a phase needs a name, got ${found}`);
  ensure(Number.isFinite(done) && done >= 0, `expected what is done as a number >= 0, got ${found}`);
  ensure(total === undefined || total >= done, `more is done than there is: ${found}`);
  if (last?.phase === phase) {
    ensure(done >= last.done, `progress goes backwards from ${last.done}: ${found}`);
  }
}

function rowOf(matrix: DenseMatrix, i: number): number[] {
  return Array.from(matrix.data.subarray(i * matrix.cols, (i + 1) * matrix.cols));
}

function columnsOf(weights: DenseMatrix): Promise<PreparedColumns> {
  return prepareColumns(denseMatrix(weights.rows, weights.cols, weights.data), portableEngine);
}

function randomColumns(): Promise<PreparedColumns> {
  return columnsOf(randomMatrix(DIMENSIONS, COLUMNS, 1));
}

/** The same columns with a Gram matrix that hands out fresh copies, at once or later, and never all of it. */
function served(columns: Columns, blockRows: number, asynchronous: boolean, onRead?: () => void): Columns {
  const { gram } = columns;
  const copies: Gram = {
    size: gram.size,
    diagonal: gram.diagonal,
    blockRows,
    rows: (start, end) => {
      onRead?.();
      return handOver(gram.rows(start, end), (values) => values.slice(), asynchronous);
    },
    rowsAt: (indices) => {
      onRead?.();
      return handOver(gram.rowsAt(indices), (row) => (p) => row(p).slice(), asynchronous);
    },
    at: (rows, columns) => {
      onRead?.();
      return handOver(gram.at(rows, columns), (values) => values.slice(), asynchronous);
    },
  };
  return { count: columns.count, norms: columns.norms, gram: copies };
}

function handOver<T>(value: T | Promise<T>, copy: (value: T) => T, asynchronous: boolean): T | Promise<T> {
  return asynchronous || value instanceof Promise ? Promise.resolve(value).then(copy) : copy(value);
}
