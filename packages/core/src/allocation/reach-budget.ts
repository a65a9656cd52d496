import { type Allocation, allocateRatios, type LayerCurve, smallestAllocation } from './allocate-ratios.js';

/** An amount that shrinks with the layers, such as a file's bytes. */
export interface Budget {
  readonly curves: readonly LayerCurve[];
  /** The amount of the model as it is. */
  readonly full: number;
  /** The most that may be left of it. */
  readonly limit: number;
  /** What one unit of a layer's cost adds to the amount, about. */
  readonly perCost: number;
  /** The amount that an allocation really leaves. */
  readonly amountOf: (ratios: ReadonlyMap<string, number>) => Promise<number>;
}

/** An allocation with the amount that it leaves. */
export interface Reached {
  readonly allocation: Allocation;
  readonly amount: number;
}

/** At most this share of the limit is left unused, where the layers' whole clusters allow it. */
const UNUSED = 0.002;
const MOST_ATTEMPTS = 10;

/**
 * The allocation with the least loss whose measured amount keeps a limit. The amount follows the share of cost that is left
 * almost in a line: each attempt moves the share by what the one before missed, inside the bracket of those that kept
 * the limit and those that did not.
 *
 * @returns the best that keeps the limit; when none does, the smallest possible, whose amount is above it
 */
export async function reachBudget({ curves, full, limit, perCost, amountOf }: Budget): Promise<Reached> {
  const total = perCost * curves.reduce((sum, { cost }) => sum + cost, 0);
  const least = smallestAllocation(curves).share;
  const aim = limit * (1 - UNUSED / 2);
  let kept: (Reached & { share: number }) | undefined;
  let above = 1;
  let share = Math.min(1, Math.max(least, 1 - (full - aim) / total));
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const allocation = allocateRatios(curves, share);
    const amount = await amountOf(allocation.ratios);
    if (amount <= limit) {
      kept = { allocation, amount, share };
      if (share === 1 || limit - amount <= UNUSED * limit) break;
    } else {
      if (share === least) return { allocation, amount };
      above = share;
    }
    const below = kept?.share ?? least;
    const next = share + (aim - amount) / total;
    share = next > below && next < above ? next : kept ? (below + above) / 2 : least;
  }
  if (kept) return kept;
  const allocation = smallestAllocation(curves);
  return { allocation, amount: await amountOf(allocation.ratios) };
}
