import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { clusterers as builtIn } from '../clustering/built-in.js';
import type { Clusterer } from '../clustering/clusterer.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import { InputError } from '../errors.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { compareLatency } from '../evaluation/latency.js';
import { bytesPerWeight } from '../format/bytes-per-weight.js';
import type { Model, Tensor } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { inOrder } from '../trials/in-order.js';
import { RecordedData } from '../trials/recorded-data.js';
import { Trials } from '../trials/trials.js';
import { type Baseline, type LatencyFigures, type LayerFigures, methodName } from './results.js';
import { runWidthSweep } from './run-width-sweep.js';
import type { SweepSetting } from './settings.js';
import { withLowRankWeights } from './svd-reference.js';
import { memoryRecord, type SweepContent, type SweepRecord } from './sweep-record.js';
import { withMethod } from './with-method.js';

/** How a sweep is run; see `gridSettings` for its settings. */
export interface SweepOptions extends LongRunOptions {
  readonly data: LabelledData;
  readonly settings: readonly SweepSetting[];
  /** The clusterers by the names that settings call them. Default: those that come with core. */
  readonly clusterers?: ReadonlyMap<string, Clusterer> | undefined;
  /** Names of the layers to compress together. Default: all of them. */
  readonly layers?: readonly string[] | undefined;
  /** What calibrated settings are refitted on. */
  readonly calibration?: CalibrationInputs | undefined;
  /** Default: the engine of the model's format, or else the portable one. */
  readonly engine?: MatrixEngine | undefined;
  /** Size of the model's files; without it, no sizes are computed. */
  readonly bytes?: number | undefined;
  /** Seconds of timing per setting; settings are then worked on one after the other. Default: nothing is timed. */
  readonly latency?: number | undefined;
  /** The settings `[start, end)` to measure, those aside that the record has. Default: all. */
  readonly range?: { readonly start: number; readonly end: number } | undefined;
  /** Takes everything that is measured. Default: one in memory. */
  readonly record?: SweepRecord | undefined;
  /** Settings that are clustered at once, for clusterers that run elsewhere. Default 1. */
  readonly ahead?: number | undefined;
  /** Bytes that one Gram matrix may take. Default: no limit. */
  readonly memory?: number | undefined;
  /** Samples at a time. Default 64. */
  readonly batch?: number | undefined;
}

/** A setting that is to be measured. */
interface Task {
  /** Its position in the sweep's list. */
  readonly index: number;
  readonly setting: SweepSetting;
}

/**
 * Measures the accuracy of a model at every setting. The layers before the first compressed one run once; pruning and Gram matrices
 * are shared by all settings of one sparsity.
 *
 * Progress counts the uncompressed model, each sparsity and each setting.
 *
 * @returns what the record holds in the end
 * @throws InputError `UNKNOWN_NAME` for a clusterer that is not among the known ones; else as `Trials.open` and `evaluateModel` do
 *
 * @example
 * const settings = gridSettings({ methods: [{ clusterer: 'kmeans' }, { clusterer: 'spherical' }], algorithms: ['hartigan'], sparsities: [0], ratios: [0.5, 0.9], seeds: [0] });
 * const { baseline, rows } = await runSweep(model, { data, settings });
 */
export async function runSweep(model: Model, options: SweepOptions): Promise<SweepContent> {
  const { data, signal, settings, record = memoryRecord() } = options;
  const { start, end } = options.range ?? { start: 0, end: settings.length };
  const done = record.content;
  const own = settings.map((setting, index) => ({ index, setting })).slice(start, end);
  const clusterers = clusterersOf(own, options.clusterers);
  const open = own.filter(({ index }) => !done.rows.has(index));
  const total = 1 + new Set(own.map(({ setting }) => setting.sparsity)).size + own.length;
  let reached = own.length - open.length;
  const note = (detail: string): void =>
    options.onProgress?.({ phase: 'sweep', done: reached, total, detail, share: reached / total });
  if (open.length === 0 && done.baseline) {
    reached = total;
    note('all measured');
    return done;
  }
  const { engine, layers, memory, calibration } = options;
  if (open.some(({ setting }) => setting.reduce)) {
    const { bytes, batch } = options;
    const shared = { data, layers, engine, calibration, bytes, batch, record, signal, clusterers };
    await runWidthSweep(model, open, {
      ...shared,
      note(detail, more = 0) {
        reached += more;
        note(detail);
      },
    });
    reached = total;
    note('done');
    return done;
  }
  const trials = await Trials.open(model, { engine, layers, memory, calibration, signal });
  try {
    const { head, tail } = trials;
    note('uncompressed');
    const recorded = await RecordedData.record(trials, data, options.batch, signal);
    const measured = async (candidate: Model, own = candidate.parameters): Promise<Baseline> => {
      const { top1, top5 } = await recorded.evaluate(candidate, signal);
      const parameters = (head?.parameters ?? 0) + own;
      if (options.bytes === undefined) return { top1, top5, parameters };
      const bytes = options.bytes - (model.parameters - parameters) * bytesPerWeight(model);
      return { top1, top5, parameters, bytes };
    };
    if (!done.baseline) await record.add({ kind: 'baseline', baseline: await measured(tail) });
    reached++;
    for (const [sparsity, tasks] of bySparsity(open)) {
      note(`preparing sparsity ${sparsity}`);
      const pruned = trials.atSparsity(sparsity);
      await pruned.prepare();
      const compressions = inOrder(
        tasks.map((task) => () => compressAt(task, pruned, clusterers)),
        // Nothing else may run while a setting is timed.
        options.latency === undefined ? (options.ahead ?? 1) : 1,
      );
      // The first clusterings run while the pruned model is measured.
      const first = compressions.next();
      first.catch(() => {});
      if (!done.pruned.has(sparsity)) {
        const baseline = await measured(await pruned.prunedTail());
        await record.add({ kind: 'pruned', sparsity, baseline });
      }
      reached++;
      for (let next = await first; !next.done; next = await compressions.next()) {
        const { index, setting, clustered, seconds } = next.value;
        const { ratio, seed } = setting;
        note(`${methodName(setting)}, sparsity ${sparsity}, ρ = ${ratio}, seed ${seed}`);
        const started = performance.now();
        const { rewritten, figures, parameters } = clustered
          ? await rewriteClustered(pruned, clustered, setting.calibrated)
          : await withLowRankWeights(tail, await pruned.prepare(), setting, trials.engine);
        const found = await measured(rewritten, parameters);
        const evaluating = (performance.now() - started) / 1000;
        const latency =
          options.latency === undefined
            ? undefined
            : await timeBoth(tail, rewritten, recorded.sample(tail), options.latency, signal);
        const row = {
          ...setting,
          ...found,
          relativeError: figures.reduce((sum, { relativeError }) => sum + relativeError, 0) / figures.length,
          layers: figures,
          ...(latency && { latency }),
          seconds: seconds + evaluating,
        };
        await record.add({ kind: 'row', setting: index, row });
        reached++;
      }
    }
    note('done');
    return done;
  } finally {
    await trials.release();
  }
}

/** The clusterers of some settings; a singular value decomposition needs none. */
function clusterersOf(
  tasks: readonly Task[],
  given: ReadonlyMap<string, Clusterer> = new Map(
    builtIn.builtIn.map((clusterer) => [clusterer.name, clusterer]),
  ),
): ReadonlyMap<string, Clusterer> {
  for (const { setting } of tasks) {
    const { clusterer } = setting;
    if (given.has(clusterer) || decomposes(setting)) continue;
    const names = [...given.keys()].join(', ');
    throw new InputError('UNKNOWN_NAME', `unknown clusterer '${clusterer}', expected one of ${names}`, {
      option: 'settings',
    });
  }
  return given;
}

/** Whether a setting is a singular value decomposition instead of a clustering. */
function decomposes({ reference, clusterer }: SweepSetting): boolean {
  return reference === true && clusterer === 'svd';
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
interface ClusteredSetting extends Task {
  readonly clustered: ReadonlyMap<string, CompressedLayer> | undefined;
  /** Time from the first clustering's start to the last one's end. */
  readonly seconds: number;
}

async function compressAt(
  { index, setting }: Task,
  trials: Trials,
  clusterers: ReadonlyMap<string, Clusterer>,
): Promise<ClusteredSetting> {
  const clusterer = decomposes(setting) ? undefined : clusterers.get(setting.clusterer);
  if (!clusterer) return { index, setting, clustered: undefined, seconds: 0 };
  const { ratio, seed } = setting;
  const started = performance.now();
  const ratios = new Map(trials.layers.map(({ name }) => [name, ratio]));
  const clustered = await trials.cluster(ratios, { clusterer: withMethod(clusterer, setting), seed });
  return { index, setting, clustered, seconds: (performance.now() - started) / 1000 };
}

/** A tail with its layers clustered, calibrated where there are inputs for it. */
async function rewriteClustered(
  trials: Trials,
  clustered: ReadonlyMap<string, CompressedLayer>,
  calibrated: boolean,
): Promise<{ rewritten: Model; figures: LayerFigures[]; parameters: number }> {
  const { model, layers } = await trials.assemble(clustered, calibrated);
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
  signal: AbortSignal | undefined,
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
