import { InputError } from '../errors.js';
import type { FcLayer } from '../format/model-format.js';

/**
 * The number of clusters for a column reduction ratio `ρ = 1 − k/n`: `k = max(1, round(n·(1 − ρ)))`, then up to the next
 * multiple of `roundTo`, but n at most.
 *
 * @param columns n
 * @param ratio ρ in [0, 1)
 * @param roundTo a whole number of at least 1; default 1
 * @throws InputError `BAD_ARGUMENT` for any other ratio or multiple
 */
export function clustersForRatio(columns: number, ratio: number, roundTo = 1): number {
  if (!(ratio >= 0 && ratio < 1)) {
    throw new InputError('BAD_ARGUMENT', `column reduction ratio: must be in [0, 1), got ${ratio}`);
  }
  if (!Number.isSafeInteger(roundTo) || roundTo < 1) {
    throw new InputError(
      'BAD_ARGUMENT',
      `multiple of clusters: must be a whole number of at least 1, got ${roundTo}`,
    );
  }
  return nextMultiple(Math.max(1, Math.round(columns * (1 - ratio))), roundTo, columns);
}

/** The next multiple at or above a number of clusters, `columns` at most. */
export function nextMultiple(clusters: number, roundTo: number, columns: number): number {
  return Math.min(columns, Math.ceil(clusters / roundTo) * roundTo);
}

/**
 * The number of clusters of a layer for a ratio: `clustersForRatio`, or all columns where that many would cost more than they save.
 *
 * @throws InputError `BAD_ARGUMENT` as `clustersForRatio`
 */
export function clustersOfLayer(
  { inputs, mostClusters }: Pick<FcLayer, 'inputs' | 'mostClusters'>,
  ratio: number,
  roundTo = 1,
): number {
  const clusters = clustersForRatio(inputs, ratio, roundTo);
  return mostClusters !== undefined && clusters > mostClusters ? inputs : clusters;
}

/** Why a layer keeps its columns at some ratios or at all of them; undefined where it never does. */
export function keepsColumns({
  inputs,
  mostClusters,
}: Pick<FcLayer, 'inputs' | 'mostClusters'>): string | undefined {
  if (mostClusters === undefined || mostClusters >= inputs - 1) return undefined;
  // Rounded up, so that the ratio that is named is one that works.
  const least = Math.ceil(1000 * (1 - mostClusters / inputs)) / 1000;
  const where = mostClusters === 0 ? 'at any ratio' : `below a ratio of ${least}`;
  return `bringing its columns to their clusters would cost more than it saves ${where}`;
}
