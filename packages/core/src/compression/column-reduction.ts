import { InputError } from '../errors.js';

/**
 * The number of clusters for a column reduction ratio `ρ = 1 − k/n`: `k = max(1, round(n·(1 − ρ)))`.
 *
 * @param columns n
 * @param ratio ρ in [0, 1)
 * @throws InputError `BAD_ARGUMENT` for any other ratio
 */
export function clustersForRatio(columns: number, ratio: number): number {
  if (!(ratio >= 0 && ratio < 1)) {
    throw new InputError('BAD_ARGUMENT', `column reduction ratio: must be in [0, 1), got ${ratio}`);
  }
  return Math.max(1, Math.round(columns * (1 - ratio)));
}
