import { InputError } from '../errors.js';
import { accuracyDrop, accuracyDropBound, type PairedHits } from '../evaluation/paired-drop.js';
import { type Allocation, allocateRatios, type LayerCurve, smallestAllocation } from './allocate-ratios.js';
import { LEAST_DEVIATIONS, lastPassing, strongestCandidate } from './fixed-sequence.js';

/** One part in so many of the labelled samples measures the curves and picks where to begin; the others decide. */
export const CHOOSING_PART = 4;

/** Shares of the layers' weights that the mildest candidates leave; from there on each leaves `STEP` of the one before. */
const MILDEST: readonly number[] = [0.95, 0.9];
const STEP = 0.84;
/** The walk begins so many candidates before the one that the choosing part would take. */
const HEAD_START = 2;

/** Hits of one candidate. */
export interface CandidateHits {
  /** On the samples that chose. */
  readonly choosing: PairedHits;
  /** On the others. */
  readonly deciding: PairedHits;
}

/** What is to be found, and how a candidate is measured. */
export interface DropBudget {
  readonly curves: readonly LayerCurve[];
  /** The drop allowed, a share in (0, 1). */
  readonly maxDrop: number;
  /** Labelled samples that decide. */
  readonly samples: number;
  readonly hitsOf: (ratios: ReadonlyMap<string, number>) => Promise<CandidateHits>;
}

/** The allocation that was found, and what is known about its drop. */
export interface WithinDrop extends PairedHits {
  readonly allocation: Allocation;
  /** Of the accuracy on the samples that decided, a share. */
  readonly drop: number;
  /** Upper end of its one-sided confidence interval. */
  readonly bound: number;
}

/** @throws InputError `BAD_ARGUMENT` when even a model that changes nothing could not be shown to keep the budget */
export function requireEnoughSamples(samples: number, maxDrop: number): void {
  const deciding = decidingSamples(samples);
  const bound = (n: number): number =>
    accuracyDropBound({ samples: n, lost: 0, gained: 0 }, LEAST_DEVIATIONS);
  if (deciding > 0 && bound(deciding) <= maxDrop) return;
  let needed = samples;
  while (!(bound(decidingSamples(needed)) <= maxDrop)) needed++;
  throw new InputError(
    'BAD_ARGUMENT',
    `${samples} samples cannot show so small a drop, at least ${needed} are needed: give more data or a larger drop`,
    { option: 'maxDrop' },
  );
}

function decidingSamples(samples: number): number {
  return samples - Math.ceil(samples / CHOOSING_PART);
}

/**
 * The strongest allocation along the greedy path whose accuracy drops by at most the budget: with 95 % confidence on all
 * samples of the kind of those that decided, which the path and the place to begin do not depend on.
 *
 * @throws InputError `BAD_ARGUMENT` when no allocation keeps the budget
 */
export async function strongestWithinDrop(budget: DropBudget): Promise<WithinDrop> {
  const { curves, maxDrop, samples, hitsOf } = budget;
  const candidates = candidateAllocations(curves);
  const known = new Map<number, CandidateHits>();
  const hits = async (i: number): Promise<CandidateHits> => {
    const found = known.get(i) ?? (await hitsOf(candidates[i]!.ratios));
    known.set(i, found);
    return found;
  };
  const found = await strongestOf(candidates.length, maxDrop, samples, hits);
  if (found === undefined) {
    const { deciding } = await hits(0);
    const bound = accuracyDropBound(deciding, LEAST_DEVIATIONS);
    throw new InputError(
      'BAD_ARGUMENT',
      `the mildest compression tried, to ${percentOf(candidates[0]!.share)} of the layers' weights, loses ${points(accuracyDrop(deciding))} points on ${deciding.samples} samples, surely at most ${points(bound)}: allow a larger drop, give more data, or calibrate`,
      { option: 'maxDrop' },
    );
  }
  const { deciding } = await hits(found.chosen);
  return {
    allocation: candidates[found.chosen]!,
    ...deciding,
    drop: accuracyDrop(deciding),
    bound: found.bound,
  };
}

/**
 * The strongest of some candidates whose accuracy drops by at most the budget, with the upper end of its drop.
 *
 * @param count candidates, the mildest first
 * @param samples that decide
 * @param hits of a candidate; asked for the same one again and again
 */
export async function strongestOf(
  count: number,
  maxDrop: number,
  samples: number,
  hits: (candidate: number) => Promise<CandidateHits>,
): Promise<{ readonly chosen: number; readonly bound: number } | undefined> {
  const promising = await lastPassing(count, async (i) => {
    const { choosing } = await hits(i);
    // As if the samples that decide behaved like these.
    const factor = samples / choosing.samples;
    const expected = { samples, lost: factor * choosing.lost, gained: factor * choosing.gained };
    return accuracyDropBound(expected, LEAST_DEVIATIONS) <= maxDrop;
  });
  const bounds = new Map<number, number>();
  const chosen = await strongestCandidate(
    count,
    Math.max(0, promising - HEAD_START),
    async (i, deviations) => {
      const bound = accuracyDropBound((await hits(i)).deciding, deviations);
      bounds.set(i, bound);
      return bound <= maxDrop;
    },
  );
  return chosen === undefined ? undefined : { chosen, bound: bounds.get(chosen)! };
}

/** The mildest first, down to the smallest. */
function candidateAllocations(curves: readonly LayerCurve[]): Allocation[] {
  const smallest = smallestAllocation(curves);
  const shares = [...MILDEST];
  for (let share = STEP; share > smallest.share; share *= STEP) shares.push(share);
  const milder = shares.filter((share) => share > smallest.share);
  return [...milder.map((share) => allocateRatios(curves, share)), smallest];
}

/** A share in percentage points. */
function points(share: number): string {
  return String(Number((100 * share).toFixed(2)));
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
