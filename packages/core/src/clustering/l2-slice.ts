import type { Clusterer } from './clusterer.js';

/**
 * Keeps the k columns of largest norm and drops the others: what structured pruning does, as a line of reference. The
 * objective is the squared norm that is lost.
 */
export const l2Slice: Clusterer = {
  name: 'l2-slice',
  async cluster({ count, norms }, k, { signal, weights }) {
    signal?.throwIfAborted();
    const importance = norms.map((norm, j) => norm * norm * (weights?.[j] ?? 1));
    const order = Int32Array.from({ length: count }, (_, j) => j).sort(
      (a, b) => importance[b]! - importance[a]! || a - b,
    );
    const assignment = new Int32Array(count).fill(-1);
    order.subarray(0, k).forEach((j, c) => {
      assignment[j] = c;
    });
    return {
      assignment,
      scales: Float64Array.from(assignment, (c) => (c < 0 ? 0 : 1)),
      coefficients: Float64Array.from(assignment, (c) => (c < 0 ? 0 : 1)),
      objective: order.subarray(k).reduce((sum, j) => sum + importance[j]!, 0),
      iterations: 1,
    };
  },
};
