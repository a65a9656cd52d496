import { type Clusterer, clusterers, selectLayers, selectWidths } from '@spherize/core';
import { runSweep, type SweepOptions, type SweepResults, type SweepSetting } from '@spherize/core/sweep';
import { ClusteringPool } from '../clustering/clustering-pool.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import type { Dataset } from '../data/dataset.js';
import { makeResultFolder, requireResultFolder } from '../files/output-places.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import type { OpenModel } from '../plugins/model-formats.js';
import type { Recipe } from '../recipe/recipe.js';
import { interruptible } from '../terminal/interrupt.js';
import { logLine } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { SweepJournal } from './journal.js';
import { resultsOf } from './results-of-journals.js';
import { type Shard, shardRange } from './shards.js';
import { sweepIdentity } from './sweep-identity.js';
import { writeResults } from './write-results.js';

export interface FolderSweepOptions
  extends Pick<SweepOptions, 'settings' | 'layers' | 'calibration' | 'latency' | 'memory'> {
  readonly opened: OpenModel;
  readonly data: Dataset;
  /** Samples at a time. */
  readonly batch: number;
  /** Threads that cluster; default: as many as there are processors. */
  readonly threads?: number | undefined;
  /** What the run follows; it is written beside the results. */
  readonly recipe: Recipe;
  /** Options, by name, on which results depend and that no other field holds: a sweep goes on only with the same ones. */
  readonly chosen?: Readonly<Record<string, unknown>>;
  /** Forgets what an earlier run left. */
  readonly restart?: boolean | undefined;
  /** Only this part of the settings. */
  readonly shard?: Shard | undefined;
}

/**
 * Runs a sweep under a progress bar, and writes its files once it is complete. What was measured is kept in a journal: the
 * same call goes on where an earlier one was interrupted or killed. A shard's journal stays, to be merged.
 */
export async function sweepIntoFolder(
  folder: string,
  options: FolderSweepOptions,
): Promise<{ results: SweepResults; files: string[] }> {
  const { opened, data, settings, shard } = options;
  await requireResultFolder(folder);
  const narrower = settings.some(({ reduce }) => reduce !== undefined);
  const names = narrower
    ? selectWidths(opened.model, options.layers).map(({ name }) => name)
    : selectLayers(opened.model, options.layers).map(({ name }) => name);
  const layers = narrower ? [] : selectLayers(opened.model, options.layers);
  const held = layers.every(
    ({ inputs }) => inputs * inputs * 4 <= (options.memory ?? Number.POSITIVE_INFINITY),
  );
  requireClusteringMemory(layers, options.memory ?? Number.POSITIVE_INFINITY, true);
  const identity = await sweepIdentity({
    model: opened.source,
    files: opened.files,
    data: data.name,
    dataDigest: await data.digest(),
    settings,
    options: {
      ...options.chosen,
      '--layers': names,
      '--batch': options.batch,
      '--latency': options.latency ?? null,
      // A Gram matrix that is not held is rounded otherwise.
      '--memory': held ? 'enough' : options.memory,
    },
  });
  const run = {
    kind: 'run' as const,
    identity,
    shard: shard ?? null,
    settings: settings.length,
    samples: data.samples,
    layers: names,
  };
  const range = shardRange(settings.length, shard);
  const journal = await SweepJournal.open(folder, run, options.restart);
  try {
    const progress = startProgress();
    const pool = new ClusteringPool(options.threads);
    const { calibration, latency, memory, batch } = options;
    await interruptible(async (signal) =>
      runSweep(opened.model, {
        data,
        settings,
        layers: options.layers,
        calibration,
        latency,
        memory,
        batch,
        bytes: opened.bytes,
        range,
        record: journal,
        engine: matrixEngine(),
        clusterers: await findClusterers(settings.slice(range.start, range.end), pool),
        ahead: pool.threads + 1,
        signal,
        onProgress: progress.show,
      }),
    ).finally(async () => {
      progress.stop();
      await pool.close();
    });
    await makeResultFolder(folder);
    await journal.flush();
    const results = resultsOf([journal.content]);
    if (shard) return { results, files: [journal.path] };
    const files = await writeResults(folder, results, options.recipe);
    await journal.remove();
    return { results, files };
  } catch (error) {
    const kept = journal.content.rows.size;
    if (kept > 0) {
      logLine(
        `${kept} of ${range.end - range.start} settings are kept in ${journal.path}: the same command goes on from there`,
      );
    }
    throw error;
  } finally {
    await journal.close();
  }
}

/** The clusterers of some settings, by name, each in the pool. */
async function findClusterers(
  settings: readonly SweepSetting[],
  pool: ClusteringPool,
): Promise<Map<string, Clusterer>> {
  const found = new Map<string, Clusterer>();
  for (const { clusterer, reference } of settings) {
    if (found.has(clusterer) || (reference && clusterer === 'svd')) continue;
    const own = await clusterers.find(clusterer, importFromWorkingFolder);
    found.set(clusterer, pool.clusterer(clusterer, own));
  }
  return found;
}
