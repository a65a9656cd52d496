/** From a target to the share of its features that every width loses, each candidate checked on the narrower model. */
import { l2Slice } from '../clustering/l2-slice.js';
import { InputError } from '../errors.js';
import { labelRanks } from '../evaluation/accuracy.js';
import { splitEvery } from '../evaluation/data-part.js';
import { scoredBatches } from '../evaluation/evaluate-model.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { accuracyDrop, type PairedHits, pairedHits } from '../evaluation/paired-drop.js';
import type { Model } from '../format/model-format.js';
import { compressModel } from '../pipeline/compress-model.js';
import type { CompressedModel, CompressModelOptions } from '../pipeline/compressed-model.js';
import type { Target } from './compress-to-target.js';
import { CLAIM_CONFIDENCE } from './fixed-sequence.js';
import { CHOOSING_PART, requireEnoughSamples, strongestOf } from './within-drop.js';

/** The most that a width loses. */
const MOST = 0.98;
/** How closely a share is found. */
const STEPS = 10;
/** Shares that are tried for an accuracy, the mildest first. */
const SHARES: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/** What widths are to reach. */
export interface NarrowToTargetOptions extends Omit<CompressModelOptions, 'ratio' | 'reduce'> {
  /** Default `neurons`. */
  readonly reduce?: 'neurons' | 'auto' | undefined;
  /** Labelled data, for `maxDrop`. */
  readonly data?: LabelledData | undefined;
}

/** How a target was met, with the share that every width lost. */
export type NarrowedReport = { readonly share: number } & (
  | { readonly size: number; readonly reached: number }
  | { readonly speedup: number; readonly reached: number }
  | ({
      readonly maxDrop: number;
      readonly drop: number;
      readonly bound: number;
      readonly confidence: number;
    } & PairedHits)
);

/**
 * Chooses one share for all widths, so that the narrower model reaches a target. The result is proved, as `compressModel` does.
 *
 * @throws InputError `BAD_ARGUMENT` when the target cannot be reached, with its name as `option`; else as `compressModel`
 */
export async function narrowToTarget(
  model: Model,
  target: Target,
  { data, reduce = 'neurons', ...options }: NarrowToTargetOptions,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  const compress = (ratio: number): Promise<CompressedModel> =>
    compressModel(model, { ...options, reduce, ratio });
  if ('maxDrop' in target) return searchDrop(model, target.maxDrop, data, compress);
  const { limit, full, amountOf, option } = await amounts(model, target);
  /** Which features leave does not matter here: as many do. */
  const quickly = async (ratio: number): Promise<number> => {
    const quick = { ...options, calibration: 'none', prove: false, clusterer: l2Slice } as const;
    const { model: narrower } = await compressModel(model, { ...quick, reduce: 'neurons', ratio });
    return amountOf(narrower);
  };
  let [low, high] = [0, MOST];
  const least = await quickly(MOST);
  if (least > limit)
    throw new InputError(
      'BAD_ARGUMENT',
      `widths at their narrowest leave ${(least / full).toFixed(4)}: give ${'size' in target ? 'at least that' : `at most ${(full / least).toFixed(1)}`}`,
      { option },
    );
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if ((await quickly(middle)) <= limit) high = middle;
    else low = middle;
  }
  let result = await compress(high);
  let amount = await amountOf(result.model);
  // Columns that take the place of neurons add a little of their own.
  for (; amount > limit && high < MOST; amount = await amountOf(result.model)) {
    high = Math.min(MOST, high + 0.01);
    result = await compress(high);
  }
  const reached =
    'size' in target
      ? { size: target.size, reached: amount / full }
      : { speedup: target.speedup, reached: full / amount };
  return { result, reached: { share: high, ...reached } };
}

/** What is to shrink, and to what. */
async function amounts(
  model: Model,
  target: Exclude<Target, { readonly maxDrop: number }>,
): Promise<{ full: number; limit: number; amountOf: (model: Model) => Promise<number>; option: string }> {
  if ('size' in target) {
    const { size, bytes, bytesOf } = target;
    return { full: bytes, limit: Math.floor(size * bytes), amountOf: bytesOf, option: 'size' };
  }
  const macs = async (own: Model): Promise<number> => {
    const found = await own.multiplyAccumulates?.();
    if (found === undefined)
      throw new InputError(
        'UNSUPPORTED',
        'the multiply-accumulates of this model are not known: give its free axes lengths, or another target',
        { option: 'speedup' },
      );
    return found;
  };
  const full = await macs(model);
  return { full, limit: full / target.speedup, amountOf: macs, option: 'speedup' };
}

async function searchDrop(
  model: Model,
  maxDrop: number,
  data: LabelledData | undefined,
  compress: (ratio: number) => Promise<CompressedModel>,
): Promise<{ result: CompressedModel; reached: NarrowedReport }> {
  requireEnoughSamples(data?.samples ?? 0, maxDrop);
  const { every, others } = splitEvery(data!, CHOOSING_PART);
  const before = [await ranksOf(model, every), await ranksOf(model, others)] as const;
  const known = new Map<number, { result: CompressedModel; choosing: PairedHits; deciding: PairedHits }>();
  const at = async (i: number) => {
    let found = known.get(i);
    if (found === undefined) {
      const result = await compress(SHARES[i]!);
      const [choosing, deciding] = [
        pairedHits(before[0], await ranksOf(result.model, every)),
        pairedHits(before[1], await ranksOf(result.model, others)),
      ];
      found = { result, choosing, deciding };
      known.set(i, found);
    }
    return found;
  };
  const found = await strongestOf(SHARES.length, maxDrop, others.samples, at);
  if (found === undefined) {
    const { deciding } = await at(0);
    throw new InputError(
      'BAD_ARGUMENT',
      `${SHARES[0]} of every width gone loses ${(100 * accuracyDrop(deciding)).toFixed(2)} points on ${deciding.samples} samples: allow a larger drop, give more data, or refit on inputs of its kind`,
      { option: 'maxDrop' },
    );
  }
  const { result, deciding } = await at(found.chosen);
  return {
    result,
    reached: {
      share: SHARES[found.chosen]!,
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
