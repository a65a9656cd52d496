import type { Pause } from '../cancellation.js';
import type { Points } from './points.js';

/** A partition of points into k clusters, with what the objectives need of each cluster. */
export interface Partition {
  readonly k: number;
  /** Cluster of each point, n values in [0, k). */
  readonly assignment: Int32Array;
  readonly sizes: Int32Array;
  /** Ω_c, the sum of the members' weights. */
  readonly weights: Float64Array;
  /** q_c, the squared norm of the members' weighted sum; filled by `measure`. */
  readonly squaredNorms: Float64Array;
}

export function partition(points: Points, assignment: Int32Array, k: number): Partition {
  const sizes = new Int32Array(k);
  const weights = new Float64Array(k);
  for (let j = 0; j < points.count; j++) {
    const c = assignment[j]!;
    sizes[c] = sizes[c]! + 1;
    weights[c] = weights[c]! + points.weights[j]!;
  }
  return { k, assignment, sizes, weights, squaredNorms: new Float64Array(k) };
}

/** Fills in `q_c = Σ_{i,j ∈ c} ω_i ω_j ⟨p_i, p_j⟩`, in float64. */
export async function measure(points: Points, target: Partition, pause: Pause): Promise<void> {
  const { assignment, k, squaredNorms } = target;
  const shares = pointShares(points);
  squaredNorms.fill(0);
  await forEachOwnSum(points, membersByCluster(assignment, k), shares, pause, (j, sum) => {
    const c = assignment[j]!;
    squaredNorms[c] = squaredNorms[c]! + shares[j]! * sum;
  });
}

/** Point numbers sorted by cluster: those of cluster c stand at `[starts[c], starts[c + 1])`. */
export interface Members {
  readonly starts: Int32Array;
  readonly points: Int32Array;
}

/** @param assignment cluster of each point in [0, k), or −1 for none */
export function membersByCluster(assignment: Int32Array, k: number): Members {
  const starts = new Int32Array(k + 1);
  for (const c of assignment) if (c >= 0) starts[c + 1] = starts[c + 1]! + 1;
  for (let c = 0; c < k; c++) starts[c + 1] = starts[c + 1]! + starts[c]!;
  const next = starts.slice();
  const points = new Int32Array(starts[k]!);
  for (let j = 0; j < assignment.length; j++) {
    const c = assignment[j]!;
    if (c < 0) continue;
    points[next[c]!] = j;
    next[c] = next[c]! + 1;
  }
  return { starts, points };
}

/** `Σ shares_l · row_l` over the members l of cluster c, for the row that starts at `rows[at]`. */
export function memberSum(
  members: Members,
  c: number,
  shares: Float64Array,
  rows: Float32Array,
  at: number,
): number {
  const { points, starts } = members;
  const end = starts[c + 1]!;
  let even = 0;
  let odd = 0;
  let p = starts[c]!;
  // Two sums: a single chain of additions would wait for itself in large clusters.
  for (; p + 1 < end; p += 2) {
    const l = points[p]!;
    const m = points[p + 1]!;
    even += shares[l]! * rows[at + l]!;
    odd += shares[m]! * rows[at + m]!;
  }
  if (p < end) even += shares[points[p]!]! * rows[at + points[p]!]!;
  return even + odd;
}

/**
 * Visits every point j of a cluster with `Σ shares_l G_jl` over the members l of that cluster, cluster by cluster. Only inner products within
 * clusters, and between those that share a block, are looked at.
 */
export async function forEachOwnSum(
  { gram }: Points,
  members: Members,
  shares: Float64Array,
  pause: Pause,
  visit: (j: number, sum: number) => void,
): Promise<void> {
  const { starts, points } = members;
  const k = starts.length - 1;
  if (gram.values) {
    for (let c = 0; c < k; c++) {
      for (let p = starts[c]!; p < starts[c + 1]!; p++) {
        visit(points[p]!, memberSum(members, c, shares, gram.values, points[p]! * gram.size));
        if (p % gram.blockRows === 0) await pause.point();
      }
    }
    return;
  }
  const block = gram.blockRows;
  for (let first = 0, end = 1; first < k; first = end) {
    // As many whole clusters as a block has rows; a larger cluster alone, in several blocks.
    end = first + 1;
    while (end < k && starts[end + 1]! - starts[first]! <= block) end++;
    const batch = points.subarray(starts[first]!, starts[end]!);
    for (let top = 0; top < batch.length; top += block) {
      const rows = batch.subarray(top, top + block);
      const sums = new Float64Array(rows.length);
      for (let left = 0; left < batch.length; left += block) {
        const columns = batch.subarray(left, left + block);
        const values = await gram.at(rows, columns);
        let c = first;
        for (let p = 0; p < rows.length; p++) {
          while (starts[c + 1]! - starts[first]! <= top + p) c++;
          const from = Math.max(0, starts[c]! - starts[first]! - left);
          const to = Math.min(columns.length, starts[c + 1]! - starts[first]! - left);
          // Added up as by `memberSum`, so that a matrix that is held gives the same.
          let even = 0;
          let odd = 0;
          for (let q = from; q < to; q++) {
            const term = shares[columns[q]!]! * values[p * columns.length + q]!;
            if ((q - from) % 2 === 0) even += term;
            else odd += term;
          }
          sums[p] = sums[p]! + (even + odd);
        }
        await pause.point();
      }
      rows.forEach((j, p) => {
        visit(j, sums[p]!);
      });
    }
  }
}

/** What each point adds to an inner product with its cluster's sum: `ω_l t_l`. */
export function pointShares(points: Points): Float64Array {
  return points.factors.map((t, j) => t * points.weights[j]!);
}

/** Visits the rows of the points' Gram matrix in order: row j is `rows[at .. at + n)`. */
export async function forEachRow(
  points: Points,
  pause: Pause,
  visit: (j: number, rows: Float32Array, at: number) => void,
): Promise<void> {
  const { count, gram } = points;
  for (let start = 0; start < count; start += gram.blockRows) {
    const end = Math.min(start + gram.blockRows, count);
    const rows = await gram.rows(start, end);
    for (let j = start; j < end; j++) visit(j, rows, (j - start) * count);
    await pause.point();
  }
}
