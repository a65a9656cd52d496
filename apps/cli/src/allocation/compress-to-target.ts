/** Targets: what the library does, with the command's cache, threads and words. */
import {
  type CompressedModel,
  InputError,
  type LongRunOptions,
  type Model,
  selectBoth,
  selectLayers,
} from '@spherize/core';
import {
  type BothToTargetOptions,
  bothToTarget,
  CHOOSING_PART,
  type ColumnsToErrorOptions,
  columnsToError,
  compressToTarget,
  type ErrorReached,
  type NarrowedReport,
  type NarrowToTargetOptions,
  narrowToTarget,
  requireEnoughSamples,
  type TargetReached,
  type TargetReport,
} from '@spherize/core/allocation';
import { requireRunnable } from '@spherize/core/proof';
import { type TrialOptions, Trials } from '@spherize/core/trials';
import { requireMemory } from '@spherize/files';
import type { OpenCalibration } from '../calibration/open-calibration.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import type { Dataset } from '../data/dataset.js';
import { writtenBytes } from '../footprint/written-bytes.js';
import type { OpenModel } from '../plugins/model-formats.js';
import { storedAs, type WeightsOption } from '../storage/weights-option.js';
import { percent } from '../terminal/output.js';
import { openTrials, type TrialsOptions } from './open-trials.js';
import type { Target } from './target-options.js';

export interface TargetSearchOptions extends TrialsOptions, WeightsOption {
  /** What is to be written, for the file's name. */
  readonly output: string;
  /** Names of the layers to compress; all of them when left out. */
  readonly layers?: string[];
}

/** What targets are measured on. */
export interface TargetData {
  readonly data: Dataset | undefined;
  readonly calibration: OpenCalibration | undefined;
}

/**
 * Compresses the columns of a model's layers to a target.
 *
 * @throws InputError `BAD_ARGUMENT` when the target cannot be reached
 */
export async function searchTarget(
  opened: OpenModel,
  target: Exclude<Target, { readonly maxError: number }>,
  { data, calibration }: TargetData,
  options: TargetSearchOptions,
  { signal, onProgress }: LongRunOptions & { readonly signal: AbortSignal },
): Promise<TargetReached> {
  try {
    const layers = selectLayers(opened.model, options.layers);
    await requireRunnable(opened.model);
    if ('maxDrop' in target) requireEnoughSamples(data?.samples ?? 0, target.maxDrop);
    const pruned = options.sparsity > 0;
    const part = 'maxDrop' in target ? CHOOSING_PART : undefined;
    const probe = data && { data, part };
    const open = await openTrials(opened, layers, { probe, calibration }, options, { signal });
    try {
      const own = counted(opened, target, options.output, options.weights);
      return await compressToTarget(open.trials, own, {
        data,
        seed: options.seed,
        mean: options.mean,
        std: options.std,
        measurements: open.cache,
        ahead: open.pool.threads + 1,
        pruned,
        requireMemory,
        signal,
        onProgress,
      });
    } finally {
      await open.pool.close();
    }
  } catch (error) {
    throw inFlags(error, target);
  }
}

/**
 * Makes widths narrower, each by what it costs the outputs, so that a target is reached.
 *
 * @throws InputError `BAD_ARGUMENT` when it cannot be reached
 */
export async function searchNarrowTarget(
  opened: OpenModel,
  target: Target,
  options: NarrowToTargetOptions & { readonly output: string },
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  const { output, ...own } = options;
  try {
    return await narrowToTarget(opened.model, counted(opened, target, output, options.storage), own);
  } catch (error) {
    throw inFlags(error, target);
  }
}

/** Clusters the columns of all layers at the ratio that keeps the outputs near enough. */
export async function searchColumnError(
  model: Model,
  { maxError }: Extract<Target, { readonly maxError: number }>,
  options: TrialOptions & ColumnsToErrorOptions & { readonly memory: number },
): Promise<{ result: CompressedModel; reached: ErrorReached }> {
  requireClusteringMemory(selectLayers(model, options.layers), options.memory, true);
  const trials = await Trials.open(model, options);
  try {
    return await columnsToError(trials, maxError, options);
  } finally {
    await trials.release();
  }
}

/**
 * Makes widths narrower, and clusters the columns of the layers beside them, so that a target is reached.
 *
 * @throws InputError `BAD_ARGUMENT` when it cannot be reached
 */
export async function searchBothTarget(
  opened: OpenModel,
  target: Target,
  { output, ...own }: BothToTargetOptions & { readonly memory: number; readonly output: string },
): ReturnType<typeof bothToTarget> {
  const { model } = opened;
  if (!('maxError' in target || 'size' in target))
    throw new InputError(
      'BAD_ARGUMENT',
      '--reduce both takes ratios, a size or an error of the outputs: give --ratio, --target-size or --max-error, or take --reduce auto',
    );
  requireClusteringMemory(selectBoth(model, own.layers, own.widths).layers, own.memory, true);
  try {
    return await bothToTarget(model, counted(opened, target, output, own.storage), own);
  } catch (error) {
    throw inFlags(error, target);
  }
}

type Counted<T> = T extends { readonly size: number }
  ? T & { readonly bytes: number; readonly bytesOf: (model: Model) => Promise<number> }
  : T;

/** A target, with what counts the bytes of the file where it is a size of it. */
function counted<T extends Target>(
  { bytes }: OpenModel,
  target: T,
  output: string,
  weights: WeightsOption['weights'],
): Counted<T> {
  const bytesOf = (smaller: Model): Promise<number> => writtenBytes(storedAs(smaller, weights), output);
  return ('size' in target ? { ...target, bytes, bytesOf } : target) as Counted<T>;
}

/** What the library says of a target, said of the flag. */
function inFlags(error: unknown, target: Target): unknown {
  if (!(error instanceof InputError) || error.option === undefined || !(error.option in target)) return error;
  return new InputError(error.code, `${flagOf(target)}: ${error.reason}`, { cause: error });
}

/** As it was typed. */
function flagOf(target: Target): string {
  if ('size' in target) return `--target-size ${target.size}`;
  if ('speedup' in target) return `--target-speedup ${target.speedup}`;
  if ('maxError' in target) return `--max-error ${target.maxError}`;
  return `--max-drop ${Number((100 * target.maxDrop).toFixed(2))}`;
}

/** How a target was met, in one line. */
export function targetSummary(report: TargetReport | NarrowedReport): string {
  if ('size' in report)
    return `--target-size ${report.size}: ${percent(report.reached, 2)} of the file's bytes`;
  if ('maxError' in report)
    return `--max-error ${report.maxError}: ${percent(report.reached, 2)} on the inputs that chose the ratios`;
  const points = (share: number): string => `${(100 * share).toFixed(2)} points`;
  const measured = 'measured' in report ? report.measured : undefined;
  const times =
    measured &&
    `${measured.beforeMs.toFixed(2)} ms → ${measured.afterMs.toFixed(2)} ms (${(measured.beforeMs / measured.afterMs).toFixed(1)}×)`;
  if ('counts' in report)
    return `--target-speedup ${report.speedup}: ${report.reached.toFixed(2)} times ${
      report.counts === 'milliseconds'
        ? 'faster by the latency model, one sample at a time'
        : 'fewer multiply-accumulates, since by the latency model its widths cannot make it so much faster'
    }`;
  if ('speedup' in report) {
    const fewer = `--target-speedup ${report.speedup}: ${report.reached.toFixed(2)} times fewer multiply-accumulates`;
    return times === undefined
      ? fewer
      : `${fewer} in the layers; measured for one sample from the first of them on: ${times}`;
  }
  const drop = `--max-drop ${points(report.maxDrop)}: top-1 falls by ${points(report.drop)} on ${report.samples} samples that chose nothing (${report.lost} lost, ${report.gained} gained), by at most ${points(report.bound)} with ${percent(report.confidence, 0)} confidence`;
  return times === undefined ? drop : `${drop}; measured for one sample from the first layer on: ${times}`;
}
