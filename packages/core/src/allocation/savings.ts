/** What of some amounts becomes less, as shares of what a model has of them. */
import type { Model } from '../format/model-format.js';
import type { LayerCurve } from './allocate-ratios.js';
import type { AmountOf } from './allocate-widths.js';

/** A curve that tells of each amount what is saved if all of the layer or width leaves; its cost is their mean. */
export interface SavingCurve extends LayerCurve {
  readonly savings: readonly number[];
}

/** @returns what a smaller model saves of each amount */
export async function savingsAgainst(
  model: Model,
  amounts: readonly AmountOf[],
): Promise<(smaller: Model) => Promise<number[]>> {
  const full = await Promise.all(amounts.map((amountOf) => amountOf(model)));
  return (smaller) =>
    Promise.all(amounts.map(async (amountOf, i) => 1 - (await amountOf(smaller)) / full[i]!));
}

export function meanSaving(savings: readonly number[]): number {
  return savings.reduce((sum, share) => sum + share, 0) / savings.length;
}
