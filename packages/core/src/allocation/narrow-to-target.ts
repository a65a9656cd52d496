/** From a target to what every width loses, each candidate checked on the narrower model. */

import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { partOf } from '../cancellation.js';
import { rankOne } from '../clustering/rank-one.js';
import { InputError } from '../errors.js';
import { labelRanks } from '../evaluation/accuracy.js';
import { splitEvery } from '../evaluation/data-part.js';
import { scoredBatches } from '../evaluation/evaluate-model.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import { accuracyDrop, type PairedHits, pairedHits } from '../evaluation/paired-drop.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { keptFeatures } from '../neurons/reduce-neurons.js';
import { betterOnColumns } from '../pipeline/better-on-columns.js';
import { compressMixed } from '../pipeline/compress-best.js';
import type { CompressedModel, CompressModelOptions } from '../pipeline/compressed-model.js';
import { defaultCalibration } from '../pipeline/default-calibration.js';
import { openEngine } from '../pipeline/open-engine.js';
import { storeCompressed } from '../pipeline/store-compressed.js';
import { requireStorage } from '../storage/store-weights.js';
import { productsPerSample } from '../widths/products-per-sample.js';
import { selectWidths } from '../widths/select-widths.js';
import type { AmountOf, WidthPath } from './allocate-widths.js';
import { type AmountOptions, type SpeedAmount, speedAmount } from './amounts.js';
import { columnsAtEqualTime } from './columns-at-equal-time.js';
import type { Target } from './compress-to-target.js';
import { CLAIM_CONFIDENCE } from './fixed-sequence.js';
import { furthestWithin, mildestWhere } from './furthest-within.js';
import { narrowedShape } from './narrowed-shape.js';
import { LANES, type NarrowTarget, narrowingPath } from './narrowing-path.js';
import { CHOOSING_PART, requireEnoughSamples, strongestOf } from './within-drop.js';

/** How closely a place on the path is found where candidates are only counted, and where each is refitted. */
const STEPS = 10;
const REFITTED_STEPS = 6;
/** Of the error that is allowed: each candidate nearer to it takes another refit of the whole model. */
const ENOUGH = 0.7;
/** Places on the path that are tried for an accuracy, the mildest first. */
const PLACES: readonly number[] = Array.from({ length: 20 }, (_, i) => (i + 1) / 20);
/** What the path takes of the time; each candidate on it takes the rest. */
const ALLOCATED = 0.4;
/** Of a candidate's time what it takes to compare reductions, where that is done. */
const COMPARED = 0.6;

/** How a target is searched for. */
export interface NarrowToTargetOptions
  extends Omit<CompressModelOptions, 'ratio' | 'reduce' | 'sparsity'>,
    Pick<AmountOptions, 'latencyModel'> {
  /** Default `neurons`. */
  readonly reduce?: 'neurons' | 'auto' | undefined;
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
  /** The path to follow, of the same widths. Default: `narrowingPath` */
  readonly path?: WidthPath | undefined;
  /** Places on the path at which the model is refitted for an error, at most. Default 6. */
  readonly candidates?: number | undefined;
  /** Labelled data, for `maxDrop`. */
  readonly data?: LabelledData | undefined;
}

/** How a target was met. */
export type NarrowedReport =
  | { readonly size: number; readonly reached: number }
  /** By the latency model where there is one: nothing was timed. */
  | { readonly speedup: number; readonly reached: number; readonly counts: SpeedAmount['counts'] }
  | { readonly maxError: number; readonly reached: number }
  | ({
      readonly maxDrop: number;
      readonly drop: number;
      readonly bound: number;
      readonly confidence: number;
    } & PairedHits);

/**
 * Measures what each width costs the outputs, and takes from all of them along one path of allocations until the target is reached.
 * Whether features leave or columns are clustered is chosen for each width once, at the first candidate. The result is proved, as `compressModel` does.
 *
 * @throws InputError `BAD_ARGUMENT` when the target cannot be reached, with its name as `option`; else as `compressModel`
 */
export async function narrowToTarget(
  model: Model,
  target: NarrowTarget,
  {
    data,
    inputs,
    path: known,
    candidates = REFITTED_STEPS,
    reduce = 'neurons',
    onProgress,
    ...given
  }: NarrowToTargetOptions,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  if ('maxDrop' in target) requireEnoughSamples(data?.samples ?? 0, target.maxDrop);
  if (given.storage !== undefined) requireStorage(model, given.storage);
  const bySize = 'size' in target;
  const made = given.calibration ?? (await defaultCalibration(model, given.seed ?? 0));
  const { layers, widths, latencyModel, engine: own, signal, ...others } = given;
  const { engine, release } = await openEngine(model, own);
  try {
    const resolved = {
      ...others,
      clusterer: given.clusterer ?? rankOne,
      calibration: made === 'none' ? undefined : made,
      roundTo: given.roundTo ?? (bySize ? 1 : LANES),
      engine,
      signal,
    };
    const chosen = selectWidths(model, layers, widths);
    const allocated = known === undefined ? ALLOCATED : 0;
    const measuring = { ...resolved, layers, widths, latencyModel, inputs };
    const path =
      known ??
      (await narrowingPath(model, target, { ...measuring, onProgress: partOf(onProgress, 0, allocated) }));
    const speed =
      'speedup' in target
        ? await speedAmount(model, target.speedup, chosen, {
            ...resolved,
            latencyModel,
          })
        : undefined;
    const columnsFor =
      speed?.counts === 'milliseconds'
        ? columnsAtEqualTime(model, speed.amountOf, resolved.roundTo)
        : undefined;
    // Sums at every position take more time than the narrower products save: of equal times they are judged as all others.
    const perSample = productsPerSample(model.graph);
    const takes = ({ name }: FcLayer): boolean => bySize || columnsFor !== undefined || perSample.has(name);
    let onColumns: ReadonlySet<string> | undefined = reduce === 'auto' ? undefined : new Set();
    const compress = async (place: number): Promise<CompressedModel> => {
      const { ratios } = path(place);
      let begun = allocated;
      if (onColumns === undefined) {
        begun += COMPARED * (1 - allocated);
        const comparing = { ...resolved, onProgress: partOf(onProgress, allocated, begun) };
        onColumns = await betterOnColumns(model, ratios, comparing, { takes, columnsFor });
      }
      const mixing = { ...resolved, onProgress: partOf(onProgress, begun, 1) };
      const mixed = await compressMixed(model, ratios, onColumns, mixing, columnsFor);
      return storeCompressed(model, mixed, resolved);
    };
    if ('maxDrop' in target) return await searchDrop(model, target.maxDrop, data!, compress);
    if ('maxError' in target) {
      const whole = new Map([...path(0).ratios.keys()].map((name) => [name, 0]));
      const unchanged = async (): Promise<CompressedModel> =>
        storeCompressed(model, await compressMixed(model, whole, new Set(), resolved), resolved);
      const kept = (ratios: ReadonlyMap<string, number>): string =>
        chosen.map((width) => keptFeatures(width, ratios.get(width.name) ?? 0, resolved.roundTo)).join();
      const leaves = (place: number): string => kept(path(place).ratios);
      const making = { compress, unchanged, leaves, nothing: kept(whole), candidates };
      return await searchError(model, target.maxError, inputs, path, making, signal);
    }
    const shape = (place: number): Model => narrowedShape(model, path(place).ratios, resolved.roundTo);
    return await searchAmount(model, target, speed, shape, compress);
  } finally {
    await release();
  }
}

/** The mildest place at which a model is small enough, or fast. */
async function searchAmount(
  model: Model,
  target: Extract<Target, { readonly size: number } | { readonly speedup: number }>,
  speed: SpeedAmount | undefined,
  shape: (place: number) => Model,
  compress: (place: number) => Promise<CompressedModel>,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  const bySize = 'size' in target;
  const amountOf: AmountOf = bySize ? target.bytesOf : speed!.amountOf;
  const full = bySize ? target.bytes : await amountOf(model);
  const limit = bySize ? Math.floor(target.size * full) : full / target.speedup;
  const least = await amountOf(shape(1));
  if (least > limit)
    throw new InputError(
      'BAD_ARGUMENT',
      `widths at their narrowest leave ${(least / full).toFixed(4)}: give ${bySize ? 'at least that' : `at most ${(full / least).toFixed(1)}`}`,
      { option: bySize ? 'size' : 'speedup' },
    );
  const fits = async (place: number): Promise<boolean> => (await amountOf(shape(place))) <= limit;
  let place = await mildestWhere(fits, 0, 1, STEPS);
  let result = await compress(place);
  let amount = await amountOf(result.model);
  // Columns that take the place of neurons add a little of their own.
  for (; amount > limit && place < 1; amount = await amountOf(result.model)) {
    place = Math.min(1, place + 0.01);
    result = await compress(place);
  }
  const reached = bySize
    ? { size: target.size, reached: amount / full }
    : { speedup: target.speedup, reached: full / amount, counts: speed!.counts };
  return { result, reached };
}

/**
 * The furthest place at which the outputs are near enough. Where none that is tried is, and not even what seems to cost nothing, nothing leaves.
 */
async function searchError(
  model: Model,
  maxError: number,
  inputs: CalibrationInputs,
  path: WidthPath,
  {
    compress,
    unchanged,
    leaves,
    nothing,
    candidates,
  }: {
    readonly compress: (place: number) => Promise<CompressedModel>;
    readonly unchanged: () => Promise<CompressedModel>;
    readonly leaves: (place: number) => string;
    /** What `leaves` says where all of the model stays. */
    readonly nothing: string;
    readonly candidates: number;
  },
  signal: AbortSignal | undefined,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  const recorded = await recordOutputs(model, inputs, { signal });
  const at = async (place: number): Promise<{ result: CompressedModel; error: number }> => {
    if (leaves(place) === nothing) return { result: await unchanged(), error: 0 };
    const result = await compress(place);
    return { result, error: (await fidelityTo(recorded, result.model, { signal })).outputError ?? 0 };
  };
  const lossAt = (place: number): number => path(place).loss;
  let found = await furthestWithin(maxError, {
    lossAt,
    leaves,
    at,
    candidates,
    enough: ENOUGH,
  });
  found ??= await at(0);
  if (found.error > maxError) found = { result: await unchanged(), error: 0 };
  return { result: found.result, reached: { maxError, reached: found.error } };
}

async function searchDrop(
  model: Model,
  maxDrop: number,
  data: LabelledData,
  compress: (place: number) => Promise<CompressedModel>,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  const { every, others } = splitEvery(data, CHOOSING_PART);
  const before = [await ranksOf(model, every), await ranksOf(model, others)] as const;
  const known = new Map<number, { result: CompressedModel; choosing: PairedHits; deciding: PairedHits }>();
  const at = async (i: number) => {
    let found = known.get(i);
    if (found === undefined) {
      const result = await compress(PLACES[i]!);
      const [choosing, deciding] = [
        pairedHits(before[0], await ranksOf(result.model, every)),
        pairedHits(before[1], await ranksOf(result.model, others)),
      ];
      found = { result, choosing, deciding };
      known.set(i, found);
    }
    return found;
  };
  const found = await strongestOf(PLACES.length, maxDrop, others.samples, at);
  if (found === undefined) {
    const { deciding } = await at(0);
    throw new InputError(
      'BAD_ARGUMENT',
      `the mildest step on the path from the whole model to its smallest loses ${(100 * accuracyDrop(deciding)).toFixed(2)} points on ${deciding.samples} samples: allow a larger drop, give more data, or refit on inputs of its kind`,
      { option: 'maxDrop' },
    );
  }
  const { result, deciding } = await at(found.chosen);
  return {
    result,
    reached: {
      maxDrop,
      drop: accuracyDrop(deciding),
      bound: found.bound,
      confidence: CLAIM_CONFIDENCE,
      ...deciding,
    },
  };
}

/** How many classes come before each sample's label. */
async function ranksOf(model: Model, data: LabelledData): Promise<Int32Array> {
  const ranks = new Int32Array(data.samples);
  for await (const { scores, labels, start } of scoredBatches(model, data))
    ranks.set(labelRanks(scores, labels, start), start);
  return ranks;
}
