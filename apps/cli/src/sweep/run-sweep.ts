import {
  type AssembleModelOptions,
  assembleModel,
  type CalibrationInputs,
  type Clusterer,
  type CompressedLayer,
  clusterers,
  compressLayer,
  type MatrixEngine,
  type Model,
  OriginalOutputs,
  type PreparedLayer,
  prepareLayer,
  selectLayers,
  splitBeforeLayers,
  type Tensor,
} from '@spherize/core';
import { boundaryInputs } from '../calibration/boundary-inputs.js';
import { ClusteringPool } from '../clustering/clustering-pool.js';
import type { Dataset } from '../data/dataset.js';
import { bytesPerWeight } from '../footprint/bytes-per-weight.js';
import { compareLatency } from '../footprint/latency.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import type { ProgressBar } from '../terminal/progress.js';
import { BoundaryActivations } from './boundary-activations.js';
import { inOrder } from './in-order.js';
import type { SweepJournal } from './journal.js';
import { type Baseline, type LatencyFigures, type LayerFigures, methodName } from './results.js';
import type { SweepSetting } from './settings.js';
import { withLowRankWeights } from './svd-reference.js';

export interface SweepOptions {
  readonly model: Model;
  /** Size of the model's files. */
  readonly bytes: number;
  /** Seconds of timing per setting; settings are then worked on one after the other. Default: nothing is timed. */
  readonly latency?: number | undefined;
  readonly data: Dataset;
  readonly engine: MatrixEngine;
  /** Threads that cluster; default: as many as there are processors. */
  readonly threads?: number | undefined;
  /** Names of the layers to compress together; all of them when left out. */
  readonly layers?: readonly string[] | undefined;
  readonly settings: readonly SweepSetting[];
  /** What calibrated settings are refitted on. */
  readonly calibration?: CalibrationInputs | undefined;
  /** The settings `[start, end)` to measure, those aside that the journal has. */
  readonly range: { readonly start: number; readonly end: number };
  /** Takes everything that is measured, and is not asked for it again. */
  readonly journal: SweepJournal;
  /** Bytes that one Gram matrix may take. */
  readonly memory?: number | undefined;
  /** Samples at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly progress: ProgressBar;
}

/** A setting that is to be measured. */
interface Task {
  /** Its position in the sweep's list. */
  readonly index: number;
  readonly setting: SweepSetting;
}

/** Units of progress of a sweep: the uncompressed model, each sparsity, each setting. */
export function sweepWork({ settings, range }: Pick<SweepOptions, 'settings' | 'range'>): number {
  const own = settings.slice(range.start, range.end);
  return 1 + new Set(own.map(({ sparsity }) => sparsity)).size + own.length;
}

/**
 * Measures the accuracy of a model at every setting, into the journal. The layers before the first compressed one run once;
 * pruning and Gram matrices are shared by all settings of one sparsity.
 */
export async function runSweep(options: SweepOptions): Promise<void> {
  const { model, data, signal, progress, settings, range, journal } = options;
  const done = journal.content;
  const own = settings.map((setting, index) => ({ index, setting })).slice(range.start, range.end);
  const open = own.filter(({ index }) => !done.rows.has(index));
  progress.advance(own.length - open.length);
  if (open.length === 0 && done.baseline) return;
  const layers = selectLayers(model, options.layers);
  const { head, tail } = splitBeforeLayers(model, layers);
  const pool = new ClusteringPool(options.threads);
  try {
    const plugins = await findClusterers(settings, pool);
    progress.note('uncompressed');
    const activations = await BoundaryActivations.record(head, tail, data, options.batch, signal);
    const measured = async (candidate: Model, own = candidate.parameters): Promise<Baseline> => {
      const { top1, top5 } = await activations.evaluate(candidate, signal);
      const parameters = (head?.parameters ?? 0) + own;
      const bytes = options.bytes - (model.parameters - parameters) * bytesPerWeight(model);
      return { top1, top5, parameters, bytes };
    };
    if (!done.baseline) await journal.add({ kind: 'baseline', baseline: await measured(tail) });
    progress.advance();
    const calibration = options.calibration && {
      calibration: await boundaryInputs(head, options.calibration, signal),
      original: new OriginalOutputs(tail, options.engine),
    };
    for (const [sparsity, tasks] of bySparsity(open)) {
      progress.note(`preparing sparsity ${sparsity}`);
      const prepared: PreparedLayer[] = [];
      for (const { name } of layers) {
        const layer = selectLayers(tail, [name])[0]!;
        prepared.push(
          await prepareLayer(tail, layer, sparsity, options.engine, {
            signal,
            memory: options.memory,
            shared: true,
          }),
        );
      }
      const compressions = inOrder(
        tasks.map((task) => () => compressAt(task, prepared, plugins.get(task.setting.clusterer), signal)),
        // Nothing else may run while a setting is timed.
        options.latency === undefined ? pool.threads + 1 : 1,
      );
      // The first clusterings run while the pruned model is measured.
      const first = compressions.next();
      first.catch(() => {});
      if (!done.pruned.has(sparsity)) {
        const baseline = await measured(withPrunedWeights(tail, prepared));
        await journal.add({ kind: 'pruned', sparsity, baseline });
      }
      progress.advance();
      const preparedByName = new Map(prepared.map((layer) => [layer.layer.name, layer]));
      for (let next = await first; !next.done; next = await compressions.next()) {
        const { index, setting, clustered, seconds } = next.value;
        const { ratio, seed } = setting;
        progress.note(`${methodName(setting)}, sparsity ${sparsity}, ρ = ${ratio}, seed ${seed}`);
        const started = performance.now();
        const { rewritten, figures, parameters } = clustered
          ? await rewriteClustered(tail, preparedByName, clustered, {
              engine: options.engine,
              signal,
              ...(setting.calibrated && calibration),
            })
          : await withLowRankWeights(tail, prepared, setting, options.engine);
        const found = await measured(rewritten, parameters);
        const evaluating = (performance.now() - started) / 1000;
        const timed =
          options.latency === undefined
            ? {}
            : {
                latency: await timeBoth(
                  tail,
                  rewritten,
                  activations.firstSample(tail),
                  options.latency,
                  signal,
                ),
              };
        const row = {
          ...setting,
          ...found,
          relativeError: figures.reduce((sum, { relativeError }) => sum + relativeError, 0) / figures.length,
          layers: figures,
          ...timed,
          seconds: seconds + evaluating,
        };
        await journal.add({ kind: 'row', setting: index, row });
        progress.advance();
      }
    }
  } finally {
    await pool.close();
  }
}

function bySparsity(tasks: readonly Task[]): Map<number, Task[]> {
  const groups = new Map<number, Task[]>();
  for (const task of tasks) {
    const { sparsity } = task.setting;
    groups.set(sparsity, [...(groups.get(sparsity) ?? []), task]);
  }
  return groups;
}

/** A setting with its layers clustered; undefined for one that does not cluster. */
interface Compression extends Task {
  readonly clustered: ReadonlyMap<string, CompressedLayer> | undefined;
  /** Time from the first clustering's start to the last one's end. */
  readonly seconds: number;
}

async function compressAt(
  { index, setting }: Task,
  prepared: readonly PreparedLayer[],
  clusterer: Clusterer | undefined,
  signal: AbortSignal,
): Promise<Compression> {
  if (!clusterer) return { index, setting, clustered: undefined, seconds: 0 };
  const { algorithm, ratio, seed, scale } = setting;
  const started = performance.now();
  const results = await Promise.all(
    prepared.map((layer) => compressLayer(layer, clusterer, ratio, { algorithm, seed, scale, signal })),
  );
  return {
    index,
    setting,
    clustered: new Map(prepared.map(({ layer }, i) => [layer.name, results[i]!])),
    seconds: (performance.now() - started) / 1000,
  };
}

/** A tail with its layers clustered, calibrated where there are inputs for it. */
async function rewriteClustered(
  tail: Model,
  prepared: ReadonlyMap<string, PreparedLayer>,
  clustered: ReadonlyMap<string, CompressedLayer>,
  options: AssembleModelOptions,
): Promise<{ rewritten: Model; figures: LayerFigures[]; parameters: number }> {
  const { model, layers } = await assembleModel(tail, prepared, clustered, options);
  const figures = layers.map(({ name, clusters, ratio, relativeError }) => {
    return { name, clusters, ratio, relativeError };
  });
  return { rewritten: model, figures, parameters: model.parameters };
}

/** Times a tail beside the uncompressed one. */
async function timeBoth(
  before: Model,
  after: Model,
  inputs: Readonly<Record<string, Tensor>>,
  seconds: number,
  signal: AbortSignal,
): Promise<LatencyFigures> {
  const sessions = [await before.session(), await after.session()] as const;
  try {
    const [first, second] = sessions;
    const timed = await compareLatency(
      { session: first, inputs },
      { session: second, inputs },
      seconds,
      signal,
    );
    return {
      medianMs: timed.after.median,
      quartilesMs: timed.after.quartiles,
      uncompressedMs: timed.before.median,
      runs: timed.runs,
    };
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

async function findClusterers(
  settings: readonly SweepSetting[],
  pool: ClusteringPool,
): Promise<Map<string, Clusterer>> {
  const found = new Map<string, Clusterer>();
  for (const { clusterer, reference } of settings) {
    if (found.has(clusterer) || (reference && clusterer === 'svd')) continue;
    found.set(
      clusterer,
      pool.clusterer(clusterer, await clusterers.find(clusterer, importFromWorkingFolder)),
    );
  }
  return found;
}

function withPrunedWeights(model: Model, prepared: readonly PreparedLayer[]): Model {
  const layers = prepared
    .filter(({ layer, weights }) => weights !== model.weights(layer.name))
    .map(({ layer, weights }) => ({
      layer: layer.name,
      weights,
      bias: model.bias(layer.name) ?? null,
      input: null,
    }));
  return model.rewrite({ layers, features: [] });
}
