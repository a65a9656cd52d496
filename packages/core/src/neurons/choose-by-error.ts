/** Which features stay: those without which the layers that read them err most, everything that is left refitted. */
import { Pause } from '../cancellation.js';
import type { FeatureSweep } from './feature-sweep.js';

/** Which features stay, and the error on the way there. */
export interface Choice {
  /** Ascending within each block, block by block. */
  readonly kept: Int32Array;
  /** What the features that left add to the squared error, by how many have left: 0 when none have, up to all that go. */
  readonly errors: Float64Array;
  /** Those that left, in order, before any exchange. */
  readonly left: readonly number[];
}

/** Exchanges that improve the error by less than this share of it are left. */
const LEAST_GAIN = 1e-9;
/** Exchanges end with a round over all features that improves it by less than this share. */
const LEAST_ROUND = 1e-3;

/**
 * Backward elimination, then exchanges: the feature goes whose loss adds least to the error, the others refitted; then a feature that went takes the place
 * of one that stayed for as long as that lowers the error by a thousandth a round. The error never rises by an exchange, and what elimination gives bounds it.
 *
 * Cost: about `4 n² s` multiplications for each feature that is swept, with n columns of which each feature has s.
 *
 * @param sweeps one of each layer that reads the features, all of which are in; errors are added up
 * @param blocks features of which each block keeps `keep`
 */
export async function chooseByError(
  sweeps: readonly FeatureSweep[],
  blocks: readonly Int32Array[],
  keep: number,
  { signal, exchanges = true }: { signal?: AbortSignal | undefined; exchanges?: boolean } = {},
): Promise<Choice> {
  const pause = new Pause(signal);
  const changeOf = (feature: number): number => {
    let sum = 0;
    for (const sweep of sweeps) sum += sweep.change(feature);
    return sum;
  };
  const inside = blocks.map((block) => new Set(block));
  const errors = [0];
  const order: number[] = [];
  let error = 0;
  const leaving = blocks.reduce((sum, block) => sum + Math.max(0, block.length - keep), 0);
  for (let gone = 0; gone < leaving; gone++) {
    let [next, from, least] = [-1, -1, Number.POSITIVE_INFINITY];
    for (const [b, left] of inside.entries()) {
      if (left.size <= keep) continue;
      for (const feature of left) {
        const loss = changeOf(feature);
        if (loss < least || next < 0) [next, from, least] = [feature, b, loss];
      }
      await pause.point();
    }
    for (const sweep of sweeps) await sweep.sweep(next);
    inside[from]!.delete(next);
    order.push(next);
    error += least;
    errors.push(error);
  }
  if (exchanges) error = await exchange(sweeps, blocks, inside, error, changeOf, pause);
  errors[leaving] = error;
  return {
    kept: Int32Array.from(inside.flatMap((left) => [...left].sort((a, b) => a - b))),
    errors: Float64Array.from(errors),
    left: order,
  };
}

async function exchange(
  sweeps: readonly FeatureSweep[],
  blocks: readonly Int32Array[],
  inside: readonly Set<number>[],
  start: number,
  changeOf: (feature: number) => number,
  pause: Pause,
): Promise<number> {
  let error = start;
  let improved = true;
  while (improved) {
    const before = error;
    for (const [b, block] of blocks.entries()) {
      const left = inside[b]!;
      for (const returns of block) {
        if (left.has(returns)) continue;
        await pause.point();
        let [best, gain] = [-1, -LEAST_GAIN * error];
        // No exchange gains more than what returns does alone.
        if (changeOf(returns) >= gain) continue;
        const changes = sweeps.map((sweep) => sweep.returning(returns));
        for (const leaves of left) {
          let change = 0;
          for (const after of changes) change += after(leaves);
          if (change < gain) [best, gain] = [leaves, change];
        }
        if (best < 0) continue;
        for (const sweep of sweeps) {
          await sweep.sweep(best);
          await sweep.sweep(returns);
        }
        left.delete(best);
        left.add(returns);
        error += gain;
      }
    }
    improved = error < before * (1 - LEAST_ROUND);
  }
  return error;
}
