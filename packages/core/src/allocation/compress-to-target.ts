/** From a target to ratios: along the greedy path of the layers' curves, each candidate checked on the assembled model. */
import type { LongRunOptions } from '../cancellation.js';
import { InputError } from '../errors.js';
import { splitEvery } from '../evaluation/data-part.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { compareLatency } from '../evaluation/latency.js';
import type { PairedHits } from '../evaluation/paired-drop.js';
import { bytesPerWeight } from '../format/bytes-per-weight.js';
import type { Model, Tensor } from '../format/model-format.js';
import type { CompressedModel } from '../pipeline/compressed-model.js';
import { requireRunnable } from '../proof/compare-models.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import { OutputProbe, type ProbeOptions } from '../trials/output-probe.js';
import { provedTrial } from '../trials/proved-trial.js';
import type { Trials } from '../trials/trials.js';
import type { LayerCurve } from './allocate-ratios.js';
import { CLAIM_CONFIDENCE } from './fixed-sequence.js';
import { CURVE_RATIOS, lossCurves, measureCurves } from './measure-curves.js';
import { type Measurements, memoryMeasurements } from './measurements.js';
import { reachBudget } from './reach-budget.js';
import { CHOOSING_PART, requireEnoughSamples, strongestWithinDrop } from './within-drop.js';

/** Seconds for which the layers are timed. */
const TIMED_SECONDS = 2;

/** What is to be reached. */
export type Target =
  | {
      /** At most this share of the file's bytes. */
      readonly size: number;
      /** Bytes of the model's files. */
      readonly bytes: number;
      /** Bytes of a compressed model's files. */
      readonly bytesOf: (model: Model) => Promise<number>;
    }
  /** The layers with so many times fewer multiply-accumulates, at least. */
  | { readonly speedup: number }
  /** At most this share of top-1 accuracy lost, in (0, 1): with 95 % confidence, and so it needs labelled data. */
  | { readonly maxDrop: number };

/** Median times of one sample through the layers and what lies between and after them. */
export interface MeasuredTimes {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** How a target was met. */
export type TargetReport =
  | { readonly size: number; readonly reached: number }
  | { readonly speedup: number; readonly reached: number; readonly measured: MeasuredTimes }
  | ({
      readonly maxDrop: number;
      readonly drop: number;
      readonly bound: number;
      readonly confidence: number;
      readonly measured: MeasuredTimes;
    } & PairedHits);

/** How a target is searched for. */
export interface CompressToTargetOptions extends LongRunOptions, Omit<ProbeOptions, 'signal' | 'seed'> {
  /** Of the generated inputs, for curves without data and for the proof. Default 0. */
  readonly seed?: number | undefined;
  /** What was measured before; it belongs to these trials and this data. Default: nothing is kept. */
  readonly measurements?: Measurements | undefined;
  /** Ratios of a layer that are clustered at once, for clusterers that run elsewhere. Default 1. */
  readonly ahead?: number | undefined;
  /** Whether ratio 0 is a choice as well: it gains by the pruning alone. Default no. */
  readonly pruned?: boolean | undefined;
  /** Asked before the inputs of the proof are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** A compressed model and how it meets its target. */
export interface TargetReached {
  readonly result: CompressedModel;
  readonly reached: TargetReport;
}

/**
 * Chooses a ratio for every layer, so that the compressed model reaches a target and loses least. The result is proved, see `verifyRewrite`.
 *
 * @throws InputError `BAD_ARGUMENT` when the target cannot be reached, with its name as `option`; ProofError as `verifyRewrite` does
 *
 * @example
 * const trials = await Trials.open(model, { calibration });
 * const { result, reached } = await compressToTarget(trials, { maxDrop: 0.01 }, { data });
 * await trials.release();
 */
export async function compressToTarget(
  trials: Trials,
  target: Target,
  options: CompressToTargetOptions = {},
): Promise<TargetReached> {
  const { signal, data, seed = 0, requireMemory, onProgress } = options;
  const convolution = trials.layers.find(({ window }) => window !== undefined);
  if ('speedup' in target && convolution !== undefined) {
    throw new InputError(
      'BAD_ARGUMENT',
      `${convolution.name} is a convolution, and only the multiply-accumulates of fully connected layers are counted: leave it out, or give it a ratio`,
      { option: 'speedup' },
    );
  }
  await requireRunnable(trials.model);
  const parts = 'maxDrop' in target ? splitForDrop(data, target.maxDrop) : undefined;
  const report = (detail: string): void => {
    signal?.throwIfAborted();
    options.onProgress?.({ phase: 'target', done: 0, total: undefined, detail });
  };
  report('original');
  const probe = await OutputProbe.record(trials, { ...options, data: parts?.every ?? data });
  const curves = await measureCurves(trials, probe, {
    ...options,
    ratios: options.pruned ? [0, ...CURVE_RATIOS] : CURVE_RATIOS,
  });
  const search = { trials, probe, curves: lossCurves(curves), report, options };
  const found =
    'size' in target
      ? await searchSize(search, target)
      : 'speedup' in target
        ? await searchSpeedup(search, target.speedup)
        : await searchDrop(search, target.maxDrop, parts!.others);
  report('assembling');
  const tail = await trials.assemble(await trials.cluster(found.ratios));
  const reached =
    'size' in found.report
      ? found.report
      : {
          ...found.report,
          measured: await timed(trials.tail, tail.model, probe.sample(trials.tail), signal),
        };
  const result = await provedTrial(trials, tail, await trials.whole(tail.compressed), {
    seed,
    signal,
    requireMemory,
    onProgress,
  });
  return { result, reached };
}

interface Search {
  readonly trials: Trials;
  readonly probe: OutputProbe;
  readonly curves: readonly LayerCurve[];
  readonly report: (detail: string) => void;
  readonly options: CompressToTargetOptions;
}

/** A report of a target that says nothing of times yet. */
type Untimed<R> = R extends { readonly measured: MeasuredTimes } ? Omit<R, 'measured'> : R;

interface Found<R> {
  readonly ratios: ReadonlyMap<string, number>;
  readonly report: Untimed<R>;
}

type SizeReport = Extract<TargetReport, { readonly size: number }>;
type SpeedupReport = Extract<TargetReport, { readonly speedup: number }>;
type DropReport = Extract<TargetReport, { readonly maxDrop: number }>;

function splitForDrop(
  data: LabelledData | undefined,
  maxDrop: number,
): { every: LabelledData; others: LabelledData } {
  requireEnoughSamples(data?.samples ?? 0, maxDrop);
  return splitEvery(data!, CHOOSING_PART);
}

async function searchSize(
  { trials, curves, report }: Search,
  { size, bytes, bytesOf }: Extract<Target, { readonly size: number }>,
): Promise<Found<SizeReport>> {
  const limit = Math.floor(size * bytes);
  const { allocation, amount } = await reachBudget({
    curves,
    full: bytes,
    limit,
    perCost: bytesPerWeight(trials.model),
    amountOf: async (ratios) => {
      report('size');
      return bytesOf((await trials.whole(await trials.cluster(ratios))).model);
    },
  });
  if (amount > limit) {
    throw new InputError(
      'BAD_ARGUMENT',
      `the layers at their largest ratios leave ${megabytes(amount)}, which is ${(amount / bytes).toFixed(4)} of the file: give at least that`,
      { option: 'size' },
    );
  }
  return { ratios: allocation.ratios, report: { size, reached: amount / bytes } };
}

async function searchSpeedup(
  { trials, curves, report }: Search,
  speedup: number,
): Promise<Found<SpeedupReport>> {
  const full = curves.reduce((sum, { cost }) => sum + cost, 0);
  const names = new Set(curves.map(({ layer }) => layer));
  const limit = full / speedup;
  const { allocation, amount } = await reachBudget({
    curves,
    full,
    limit,
    perCost: 1,
    amountOf: async (ratios) => {
      report('multiply-accumulates');
      const { model } = await trials.whole(await trials.cluster(ratios));
      const layers = model.layers.filter(({ name }) => names.has(name));
      return layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
    },
  });
  if (amount > limit) {
    throw new InputError(
      'BAD_ARGUMENT',
      `the layers at their largest ratios do ${(full / amount).toFixed(1)} times fewer multiply-accumulates: give at most that`,
      { option: 'speedup' },
    );
  }
  return { ratios: allocation.ratios, report: { speedup, reached: full / amount } };
}

async function searchDrop(
  { trials, probe, curves, report, options }: Search,
  maxDrop: number,
  deciding: LabelledData,
): Promise<Found<DropReport>> {
  const { signal, measurements = memoryMeasurements() } = options;
  const decider = await OutputProbe.record(trials, { data: deciding, signal });
  const { allocation, ...found } = await strongestWithinDrop({
    curves,
    maxDrop,
    samples: deciding.samples,
    hitsOf: (ratios) => {
      report(ratioList(ratios));
      return measurements.measured(`hits ${ratioList(ratios)}`, async () => {
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

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`;
}

/** Times what is compressed beside the original, one sample at a time. */
async function timed(
  before: Model,
  after: Model,
  inputs: Record<string, Tensor>,
  signal: AbortSignal | undefined,
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
