import type { Clustering } from './clusterer.js';

/**
 * The clustering that puts the plain mean of its members in place of every column: all that a clusterer has to return
 * when it only decides who goes with whom.
 *
 * @param assignment cluster of each column in [0, k), or −1 for a dropped one
 */
export function meanClustering(assignment: Int32Array, k: number): Clustering {
  const sizes = new Int32Array(k);
  for (const c of assignment) if (c >= 0) sizes[c] = sizes[c]! + 1;
  return {
    assignment,
    scales: new Float64Array(assignment.length).fill(1),
    coefficients: Float64Array.from(assignment, (c) => (c < 0 ? 0 : 1 / sizes[c]!)),
  };
}
