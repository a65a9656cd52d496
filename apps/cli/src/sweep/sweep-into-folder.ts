import { selectLayers } from '@spherize/core';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import { makeResultFolder, requireResultFolder } from '../files/atomic-write.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import type { OpenModel } from '../plugins/model-formats.js';
import type { Recipe } from '../recipe/recipe.js';
import { interruptible } from '../terminal/interrupt.js';
import { logLine } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { SweepJournal } from './journal.js';
import type { SweepResults } from './results.js';
import { resultsOf } from './results-of-journals.js';
import { runSweep, type SweepOptions, sweepWork } from './run-sweep.js';
import { type Shard, shardRange } from './shards.js';
import { sweepIdentity } from './sweep-identity.js';
import { writeResults } from './write-results.js';

export interface FolderSweepOptions
  extends Omit<SweepOptions, 'engine' | 'signal' | 'progress' | 'journal' | 'range' | 'model' | 'bytes'> {
  readonly opened: OpenModel;
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
  const layers = selectLayers(opened.model, options.layers);
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
      '--layers': layers.map(({ name }) => name),
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
    layers: layers.map(({ name }) => name),
  };
  const range = shardRange(settings.length, shard);
  const journal = await SweepJournal.open(folder, run, options.restart);
  try {
    const progress = startProgress(sweepWork({ settings, range }));
    await interruptible((signal) =>
      runSweep({
        ...options,
        model: opened.model,
        bytes: opened.bytes,
        range,
        journal,
        engine: matrixEngine(),
        signal,
        progress,
      }),
    ).finally(() => progress.stop());
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
