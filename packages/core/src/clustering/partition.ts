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

/** Fills in `q_c = Σ_{i,j ∈ c} ω_i ω_j ⟨p_i, p_j⟩`, in float64, from one pass over the Gram matrix. */
export async function measure(points: Points, target: Partition, pause: Pause): Promise<void> {
  const { assignment, squaredNorms } = target;
  const members = membersByCluster(assignment, target.k);
  squaredNorms.fill(0);
  await forEachRow(points, pause, (j, row, at) => {
    const c = assignment[j]!;
    let sum = 0;
    for (let p = members.starts[c]!; p < members.starts[c + 1]!; p++) {
      const l = members.points[p]!;
      sum += points.weights[l]! * points.factors[l]! * row[at + l]!;
    }
    squaredNorms[c] = squaredNorms[c]! + points.weights[j]! * points.factors[j]! * sum;
  });
}

/** Point numbers sorted by cluster: those of cluster c stand at `[starts[c], starts[c + 1])`. */
export function membersByCluster(
  assignment: Int32Array,
  k: number,
): { starts: Int32Array; points: Int32Array } {
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
