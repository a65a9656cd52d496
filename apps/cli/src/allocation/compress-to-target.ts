import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type AssembledModel,
  CLAIM_CONFIDENCE,
  InputError,
  type LayerCurve,
  type Model,
  selectLayers,
  type Tensor,
} from '@spherize/core';
import type { OpenCalibration } from '../calibration/open-calibration.js';
import { splitEvery } from '../data/data-part.js';
import type { Dataset } from '../data/dataset.js';
import { bytesPerWeight } from '../footprint/bytes-per-weight.js';
import { compareLatency } from '../footprint/latency.js';
import type { OpenModel } from '../plugins/model-formats.js';
import { requireRunnable } from '../proof/verify-rewrite.js';
import { megabytes, percent } from '../terminal/output.js';
import { type ProgressBar, startProgress } from '../terminal/progress.js';
import { CURVE_RATIOS, lossCurves, measureCurves } from './measure-curves.js';
import { type OpenTrials, openTrials, recordData, type TrialsOptions } from './open-trials.js';
import { reachBudget } from './reach-budget.js';
import type { Target } from './target-options.js';
import { CHOOSING_PART, requireEnoughSamples, strongestWithinDrop } from './within-drop.js';

/** Seconds for which the layers are timed. */
const TIMED_SECONDS = 2;

/** Median times of one sample through the layers and what lies between and after them. */
interface MeasuredTimes {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** How a target was met: what `compress --json` says about it. */
export type TargetReport =
  | { readonly size: number; readonly reached: number }
  | { readonly speedup: number; readonly reached: number; readonly measured?: MeasuredTimes }
  | {
      readonly maxDrop: number;
      readonly drop: number;
      readonly bound: number;
      readonly confidence: number;
      readonly samples: number;
      readonly lost: number;
      readonly gained: number;
      readonly measured?: MeasuredTimes;
    };

export interface CompressToTargetOptions extends TrialsOptions {
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
 * Chooses a ratio for every layer, so that the compressed model reaches a target and loses least: along the greedy path of the layers' curves,
 * each candidate checked on the assembled model.
 *
 * @throws InputError `BAD_ARGUMENT` when the target cannot be reached
 */
export async function compressToTarget(
  opened: OpenModel,
  target: Target,
  { data, calibration }: TargetData,
  options: CompressToTargetOptions,
  signal: AbortSignal,
): Promise<{ result: AssembledModel; reached: TargetReport }> {
  const layers = selectLayers(opened.model, options.layers);
  await requireRunnable(opened.model);
  if (target.kind === 'drop') requireEnoughSamples(data?.samples ?? 0, target.maxDrop);
  const parts = target.kind === 'drop' && data ? splitEvery(data, CHOOSING_PART) : undefined;
  const ratios = options.sparsity > 0 ? [0, ...CURVE_RATIOS] : CURVE_RATIOS;
  const progress = startProgress(ratios.length * layers.length);
  let open: OpenTrials | undefined;
  try {
    progress.note('original');
    open = await openTrials(opened, layers, { probe: parts?.every ?? data, calibration }, options, {
      signal,
    });
    const { trials } = open;
    const curves = lossCurves(await measureCurves({ ...open, ratios, signal, progress }));
    const search = { ...open, opened, curves, signal, progress };
    const found =
      target.kind === 'size'
        ? await searchSize(search, target.size, options.output)
        : target.kind === 'speedup'
          ? await searchSpeedup(search, target.speedup)
          : await searchDrop(search, target.maxDrop, parts!.others);
    progress.note('assembling');
    const tail = await trials.assemble(await trials.cluster(found.ratios));
    const whole = await trials.whole(tail.compressed);
    const measured =
      target.kind === 'size'
        ? {}
        : { measured: await timed(trials.tail, tail.model, open.probe.sample(trials.tail), signal) };
    const calibrated = whole.layers.map((layer, i) => {
      const { calibration } = tail.layers[i]!;
      return { ...layer, ...(calibration && { calibration }) };
    });
    return { result: { ...whole, layers: calibrated }, reached: { ...found.report, ...measured } };
  } finally {
    progress.stop();
    await open?.pool.close();
  }
}

interface Search extends OpenTrials {
  readonly opened: OpenModel;
  readonly curves: readonly LayerCurve[];
  readonly signal: AbortSignal;
  readonly progress: ProgressBar;
}

interface Found {
  readonly ratios: ReadonlyMap<string, number>;
  readonly report: TargetReport;
}

async function searchSize(search: Search, size: number, output: string): Promise<Found> {
  const { trials, opened, curves, signal, progress } = search;
  const limit = Math.floor(size * opened.bytes);
  const { allocation, amount } = await reachBudget({
    curves,
    full: opened.bytes,
    limit,
    perCost: bytesPerWeight(opened.model),
    amountOf: async (ratios) => {
      progress.note('size');
      signal.throwIfAborted();
      return writtenBytes((await trials.whole(await trials.cluster(ratios))).model, output);
    },
  });
  if (amount > limit) {
    throw new InputError(
      'BAD_ARGUMENT',
      `--target-size ${size}: the layers at their largest ratios leave ${megabytes(amount)}, which is ${(amount / opened.bytes).toFixed(4)} of the file: give at least that`,
    );
  }
  return { ratios: allocation.ratios, report: { size, reached: amount / opened.bytes } };
}

async function searchSpeedup({ trials, curves, progress }: Search, speedup: number): Promise<Found> {
  const full = curves.reduce((sum, { cost }) => sum + cost, 0);
  const names = new Set(curves.map(({ layer }) => layer));
  const limit = full / speedup;
  const { allocation, amount } = await reachBudget({
    curves,
    full,
    limit,
    perCost: 1,
    amountOf: async (ratios) => {
      progress.note('multiply-accumulates');
      const { model } = await trials.whole(await trials.cluster(ratios));
      const layers = model.layers.filter(({ name }) => names.has(name));
      return layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
    },
  });
  if (amount > limit) {
    throw new InputError(
      'BAD_ARGUMENT',
      `--target-speedup ${speedup}: the layers at their largest ratios do ${(full / amount).toFixed(1)} times fewer multiply-accumulates: give at most that`,
    );
  }
  return { ratios: allocation.ratios, report: { speedup, reached: full / amount } };
}

async function searchDrop(search: Search, maxDrop: number, deciding: Dataset): Promise<Found> {
  const { trials, probe, cache, curves, signal, progress } = search;
  const decider = await recordData(trials, deciding, signal);
  const decidingDigest = await deciding.digest();
  const { allocation, ...found } = await strongestWithinDrop({
    curves,
    maxDrop,
    samples: deciding.samples,
    hitsOf: (ratios) => {
      progress.note(ratioList(ratios));
      return cache.measured(`hits ${decidingDigest} ${ratioList(ratios)}`, async () => {
        const { model } = await trials.assemble(await trials.cluster(ratios));
        return {
          choosing: (await probe.compare(model, signal)).hits!,
          deciding: (await decider.compare(model, signal)).hits!,
        };
      });
    },
  });
  return { ratios: allocation.ratios, report: { maxDrop, confidence: CLAIM_CONFIDENCE, ...found } };
}

function ratioList(ratios: ReadonlyMap<string, number>): string {
  return [...ratios].map(([name, ratio]) => `${name}=${ratio.toFixed(4)}`).join(', ');
}

/** Bytes of a model's files, found by writing them elsewhere. */
async function writtenBytes(model: Model, output: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'spherize-size-'));
  try {
    return await model.write(join(folder, basename(output)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Times what is compressed beside the original, one sample at a time. */
async function timed(
  before: Model,
  after: Model,
  inputs: Record<string, Tensor>,
  signal: AbortSignal,
): Promise<MeasuredTimes> {
  const first = await before.session();
  const second = await after.session();
  try {
    const times = await compareLatency(
      { session: first, inputs },
      { session: second, inputs },
      TIMED_SECONDS,
      signal,
    );
    return { beforeMs: times.before.median, afterMs: times.after.median };
  } finally {
    await Promise.all([first.release(), second.release()]);
  }
}

/** How a target was met, in one line. */
export function targetSummary(report: TargetReport): string {
  if ('size' in report)
    return `--target-size ${report.size}: ${percent(report.reached, 2)} of the file's bytes`;
  const { beforeMs, afterMs } = report.measured!;
  const times = `${beforeMs.toFixed(2)} ms → ${afterMs.toFixed(2)} ms (${(beforeMs / afterMs).toFixed(1)}×)`;
  if ('speedup' in report) {
    return `--target-speedup ${report.speedup}: ${report.reached.toFixed(2)} times fewer multiply-accumulates in the layers; measured for one sample from the first of them on: ${times}`;
  }
  const points = (share: number): string => `${(100 * share).toFixed(2)} points`;
  return `--max-drop ${points(report.maxDrop)}: top-1 falls by ${points(report.drop)} on ${report.samples} samples that chose nothing (${report.lost} lost, ${report.gained} gained), by at most ${points(report.bound)} with ${percent(report.confidence, 0)} confidence; measured for one sample from the first layer on: ${times}`;
}
