import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Random } from '../random.js';
import type { Points } from './points.js';

/**
 * k-means++ seeding (Arthur and Vassilvitskii, SODA 2007) in Gram space: every next seed is drawn with probability
 * proportional to `ω_j·d²(p_j)`, the squared distance to the nearest seed so far. For unit vectors `d² = 2(1 − cos)`, so
 * it serves both objectives. Where fewer than k points are distinct, the remaining seeds are duplicates.
 *
 * Cost: k rows of the Gram matrix, `2kn` operations.
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
  let seed = draw(random, count, (j) => weights[j]!);
  for (let c = 0; ; c++) {
    taken[seed] = 1;
    moveToNearer(points, seed, c, await points.gram.rows(seed, seed + 1), distances, nearest);
    distances[seed] = 0;
    nearest[seed] = c;
    await pause.point();
    options.onProgress?.({ phase: 'seeding', done: c + 1, total: k });
    if (c === k - 1) return nearest;
    seed = draw(random, count, (j) => (taken[j] ? 0 : weights[j]! * distances[j]!));
    if (taken[seed]) seed = draw(random, count, (j) => (taken[j] ? 0 : 1));
  }
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
    const distance = norm + squaredNorms[j]! - factor * factors[j]! * row[j]!;
    if (distance < distances[j]!) {
      distances[j] = Math.max(distance, 0);
      nearest[j] = cluster;
    }
  }
}

/** A number in [0, count) with probability proportional to `mass`; the last with any mass if rounding overshoots. */
function draw(random: Random, count: number, mass: (j: number) => number): number {
  let total = 0;
  for (let j = 0; j < count; j++) total += mass(j);
  let left = random.uniform() * total;
  let last = 0;
  for (let j = 0; j < count; j++) {
    const own = mass(j);
    if (own <= 0) continue;
    last = j;
    left -= own;
    if (left < 0) return j;
  }
  return last;
}
