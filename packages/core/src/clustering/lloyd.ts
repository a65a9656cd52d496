import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Objective } from './objective.js';
import { forEachRow, measure, type Partition, partition } from './partition.js';
import type { Points } from './points.js';

/** Far above what this regime needs: Lloyd's algorithm stops after 1 to 6 iterations there. */
const MAX_ITERATIONS = 100;

/**
 * Lloyd's algorithm (doi:10.1109/TIT.1982.1056489) in Gram space: assign every point to its best cluster, move the
 * centroids, until no assignment changes. An emptied cluster takes the point that its own cluster fits worst.
 *
 * Cost per iteration: `2n²+ nk` operations and no access to the m-dimensional vectors.
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
  for (let iteration = 1; ; iteration++) {
    const next = await reassign(points, current, objective, pause);
    const changed = next.some((c, j) => c !== current.assignment[j]);
    if (changed) {
      current = partition(points, next, k);
      await measure(points, current, pause);
    }
    options.onProgress?.({ phase: 'lloyd', done: iteration, total: undefined });
    if (!changed || iteration === MAX_ITERATIONS) return { partition: current, iterations: iteration };
  }
}

async function reassign(
  points: Points,
  current: Partition,
  objective: Objective,
  pause: Pause,
): Promise<Int32Array> {
  const { count, factors } = points;
  const { k, assignment } = current;
  const shares = factors.map((t, j) => t * points.weights[j]!);
  const slopes = current.squaredNorms.map((q, c) => objective.slope(q, current.weights[c]!));
  const offsets = current.squaredNorms.map((q, c) => objective.offset(q, current.weights[c]!));
  const next = new Int32Array(count);
  const fits = new Float64Array(count);
  const dots = new Float64Array(k);
  await forEachRow(points, pause, (j, rows, at) => {
    dots.fill(0);
    for (let l = 0; l < count; l++) {
      const c = assignment[l]!;
      dots[c] = dots[c]! + shares[l]! * rows[at + l]!;
    }
    const factor = factors[j]!;
    let best = assignment[j]!;
    let bestScore = factor * dots[best]! * slopes[best]! - offsets[best]!;
    for (let c = 0; c < k; c++) {
      const score = factor * dots[c]! * slopes[c]! - offsets[c]!;
      if (score > bestScore) {
        bestScore = score;
        best = c;
      }
    }
    next[j] = best;
    fits[j] = bestScore - points.squaredNorms[j]! / 2;
  });
  fillEmptyClusters(next, fits, points.weights, k);
  return next;
}

function fillEmptyClusters(
  assignment: Int32Array,
  fits: Float64Array,
  weights: Float64Array,
  k: number,
): void {
  const sizes = new Int32Array(k);
  for (const c of assignment) sizes[c] = sizes[c]! + 1;
  for (let empty = 0; empty < k; empty++) {
    if (sizes[empty]! > 0) continue;
    let worst = -1;
    for (let j = 0; j < assignment.length; j++) {
      if (sizes[assignment[j]!]! < 2) continue;
      if (worst < 0 || weights[j]! * fits[j]! < weights[worst]! * fits[worst]!) worst = j;
    }
    sizes[assignment[worst]!] = sizes[assignment[worst]!]! - 1;
    assignment[worst] = empty;
    sizes[empty] = 1;
  }
}
