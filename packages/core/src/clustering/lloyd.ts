import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Objective } from './objective.js';
import {
  forEachRow,
  measure,
  memberSum,
  membersByCluster,
  type Partition,
  partition,
  pointShares,
} from './partition.js';
import type { Points } from './points.js';

/** Far above what this regime needs: Lloyd's algorithm stops after 1 to 6 iterations there. */
const MAX_ITERATIONS = 100;

/** Scores this close are equal: inner products are known to float32 rounding, relative to the squared norm. */
const TIE = 1e-6;

/**
 * Lloyd's algorithm (doi:10.1109/TIT.1982.1056489) in Gram space: assign every point to its best cluster, move the
 * centroids, until no assignment changes. An emptied cluster takes the point that its own cluster fits worst.
 *
 * A point's score for a cluster stands until the cluster changes, so after the first iteration only clusters that have changed are
 * looked at; all of them only where a point's own cluster has changed and a bound on its other scores no longer rules them out
 * (the idea of Hamerly, 2010, doi:10.1137/1.9781611972801.12, with exact scores). The assignments are those of the textbook.
 *
 * Cost: `n² + nk` operations for the first iteration and no access to the m-dimensional vectors; later iterations cost a
 * share of that: the points in changed clusters.
 *
 * @param start the initial assignment, n values in [0, k), no cluster empty
 */
export async function lloyd(
  points: Points,
  start: Int32Array,
  k: number,
  objective: Objective,
  options: LongRunOptions,
): Promise<{ partition: Partition; iterations: number }> {
  const pause = new Pause(options.signal);
  let current = partition(points, start, k);
  await measure(points, current, pause);
  const scores = new Float64Array(points.count);
  const bounds = new Float64Array(points.count).fill(Number.POSITIVE_INFINITY);
  const changed = new Uint8Array(k).fill(1);
  for (let iteration = 1; ; iteration++) {
    const next = await reassign(points, current, objective, changed, scores, bounds, pause);
    changed.fill(0);
    let moved = 0;
    for (let j = 0; j < points.count; j++) {
      if (next[j] === current.assignment[j]) continue;
      changed[next[j]!] = 1;
      changed[current.assignment[j]!] = 1;
      moved++;
    }
    if (moved > 0) {
      current = partition(points, next, k);
      await measure(points, current, pause);
    }
    options.onProgress?.({ phase: 'lloyd', done: iteration, total: undefined });
    if (moved === 0 || iteration === MAX_ITERATIONS) return { partition: current, iterations: iteration };
  }
}

/**
 * @param changed 1 for clusters that are not as they were when `scores` was filled
 * @param scores each point's score for its own cluster; brought up to date
 * @param bounds no other cluster that is unchanged has a larger score for the point; brought up to date
 */
async function reassign(
  points: Points,
  current: Partition,
  objective: Objective,
  changed: Uint8Array,
  scores: Float64Array,
  bounds: Float64Array,
  pause: Pause,
): Promise<Int32Array> {
  const { factors } = points;
  const { k, assignment } = current;
  const shares = pointShares(points);
  const members = membersByCluster(assignment, k);
  const slopes = current.squaredNorms.map((q, c) => objective.slope(q, current.weights[c]!));
  const offsets = current.squaredNorms.map((q, c) => objective.offset(q, current.weights[c]!));
  const all = Int32Array.from({ length: k }, (_, c) => c);
  const some = all.filter((c) => changed[c] === 1);
  const next = assignment.slice();
  let best = -1;
  let bestScore = 0;
  let ownScore = 0;
  let second = 0;
  const look = (candidates: Int32Array, j: number, rows: Float32Array, at: number): void => {
    const own = assignment[j]!;
    const factor = factors[j]!;
    for (let p = 0; p < candidates.length; p++) {
      const c = candidates[p]!;
      const score = factor * memberSum(members, c, shares, rows, at) * slopes[c]! - offsets[c]!;
      if (c === own) ownScore = score;
      if (score > bestScore) {
        second = bestScore;
        bestScore = score;
        best = c;
      } else if (score > second) second = score;
    }
  };
  await forEachRow(points, pause, (j, rows, at) => {
    const own = assignment[j]!;
    const ownChanged = changed[own] === 1;
    const bound = bounds[j]!;
    best = own;
    bestScore = ownChanged ? Number.NEGATIVE_INFINITY : scores[j]!;
    ownScore = bestScore;
    second = Number.NEGATIVE_INFINITY;
    if (bound < Number.POSITIVE_INFINITY) look(some, j, rows, at);
    // Clusters that have not changed are ruled out: as long as the point's own has not, or by the bound.
    if (!ownChanged || bestScore > bound) second = Math.max(second, bound);
    else {
      best = own;
      bestScore = Number.NEGATIVE_INFINITY;
      second = bestScore;
      look(all, j, rows, at);
    }
    // Among equals, up to rounding, a point stays where it is.
    if (best !== own && bestScore - ownScore <= TIE * points.squaredNorms[j]!) {
      second = bestScore;
      best = own;
      bestScore = ownScore;
    }
    next[j] = best;
    scores[j] = bestScore;
    bounds[j] = second;
  });
  fillEmptyClusters(next, points, scores, bounds, k);
  return next;
}

function fillEmptyClusters(
  assignment: Int32Array,
  points: Points,
  scores: Float64Array,
  bounds: Float64Array,
  k: number,
): void {
  const sizes = new Int32Array(k);
  for (const c of assignment) sizes[c] = sizes[c]! + 1;
  // Half the squared distance to its centroid, up to a constant for directions: how badly a point fits.
  const misfit = (j: number): number => points.weights[j]! * (points.squaredNorms[j]! / 2 - scores[j]!);
  for (let empty = 0; empty < k; empty++) {
    if (sizes[empty]! > 0) continue;
    let worst = -1;
    for (let j = 0; j < assignment.length; j++) {
      if (sizes[assignment[j]!]! > 1 && (worst < 0 || misfit(j) > misfit(worst))) worst = j;
    }
    sizes[assignment[worst]!] = sizes[assignment[worst]!]! - 1;
    assignment[worst] = empty;
    bounds[worst] = Number.POSITIVE_INFINITY;
    sizes[empty] = 1;
  }
}
