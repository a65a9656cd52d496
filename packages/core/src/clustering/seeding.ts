import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Random } from '../random.js';
import type { Points } from './points.js';

/** Candidates per request for rows of the Gram matrix. */
const BATCH = 256;

/**
 * k-means++ seeding (Arthur and Vassilvitskii, SODA 2007) in Gram space: every next seed is drawn with probability
 * proportional to `ω_j·d²(p_j)`, the squared distance to the nearest seed so far. For unit vectors `d² = 2(1 − cos)`, so
 * it serves both objectives. Where fewer than k points are distinct, the remaining seeds are duplicates.
 *
 * Candidates are drawn in batches from the distances at the batch's start, and each is accepted with the probability
 * `d²(now) / d²(then)`: rejection sampling, which leaves the distribution exactly that of one draw at a time, while
 * rows of a Gram matrix that is not held can be computed many at once.
 *
 * Cost: about k rows of the Gram matrix, `2kn` operations.
 *
 * @returns the nearest seed's number for each point, n values in [0, k); no cluster is empty
 */
export async function seedPlusPlus(
  points: Points,
  k: number,
  random: Random,
  options: LongRunOptions,
): Promise<Int32Array> {
  const { count, weights } = points;
  const nearest = new Int32Array(count);
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const taken = new Uint8Array(count);
  const pause = new Pause(options.signal);
  let seeds = 0;
  const take = (seed: number, row: Float32Array): void => {
    taken[seed] = 1;
    moveToNearer(points, seed, seeds, row, distances, nearest);
    distances[seed] = 0;
    nearest[seed] = seeds++;
    options.onProgress?.({ phase: 'seeding', done: seeds, total: k });
  };
  const first = drawProportional(random, weights, 1);
  take(first[0]!, (await points.gram.rowsAt(first))(0));
  while (seeds < k) {
    const then = distances.map((distance, j) => distance * weights[j]!);
    const candidates = drawProportional(random, then, Math.min(BATCH, 2 * (k - seeds)));
    // Nothing is left but duplicates of seeds: any of them will do.
    const chosen =
      candidates.length > 0
        ? candidates
        : drawProportional(
            random,
            taken.map((t) => 1 - t),
            1,
          );
    const row = await points.gram.rowsAt(chosen);
    for (let p = 0; p < chosen.length && seeds < k; p++) {
      const j = chosen[p]!;
      if (taken[j]) continue;
      const accepted = candidates.length === 0 || random.uniform() * then[j]! < distances[j]! * weights[j]!;
      if (accepted) take(j, row(p));
    }
    await pause.point();
  }
  return nearest;
}

/** Draws with replacement, each number with probability proportional to its mass; none when there is no mass. */
function drawProportional(random: Random, mass: Float64Array | Uint8Array, draws: number): Int32Array {
  const sums = new Float64Array(mass.length);
  let total = 0;
  for (let j = 0; j < mass.length; j++) {
    total += mass[j]!;
    sums[j] = total;
  }
  if (!(total > 0)) return new Int32Array(0);
  return Int32Array.from({ length: draws }, () => firstAbove(sums, random.uniform() * total));
}

/** The first position whose value exceeds `bound`, in values that never fall. */
function firstAbove(values: Float64Array, bound: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

function moveToNearer(
  points: Points,
  seed: number,
  cluster: number,
  row: Float32Array,
  distances: Float64Array,
  nearest: Int32Array,
): void {
  const { count, factors, squaredNorms } = points;
  const factor = 2 * factors[seed]!;
  const norm = squaredNorms[seed]!;
  for (let j = 0; j < count; j++) {
    // Rounding may give duplicates a negative distance, which would take an earlier seed away from its own cluster.
    const distance = Math.max(norm + squaredNorms[j]! - factor * factors[j]! * row[j]!, 0);
    if (distance < distances[j]!) {
      distances[j] = distance;
      nearest[j] = cluster;
    }
  }
}
