import { Random } from '../random.js';
import type { Clusterer } from './clusterer.js';
import { meanClustering } from './mean-clustering.js';

/** Clusters of equal size, drawn at random, with their means as centroids: a line of reference. */
export const randomAssignment: Clusterer = {
  name: 'random',
  async cluster({ count }, k, { seed, signal }) {
    signal?.throwIfAborted();
    const random = new Random(seed ?? 0);
    const order = Int32Array.from({ length: count }, (_, j) => j);
    for (let i = count - 1; i > 0; i--) {
      const other = random.integer(i + 1);
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    const assignment = new Int32Array(count);
    order.forEach((j, i) => {
      assignment[j] = i % k;
    });
    return meanClustering(assignment, k);
  },
};
