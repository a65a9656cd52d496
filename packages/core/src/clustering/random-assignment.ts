import { Random } from '../random.js';
import type { Clusterer } from './clusterer.js';
import { meanClustering } from './mean-clustering.js';

/** Clusters of equal size, drawn at random, with their means as centroids: a line of reference. */
export const randomAssignment: Clusterer = {
  name: 'random',
  async cluster({ count }, k, { seed, signal }) {
    signal?.throwIfAborted();
    const order = new Random(seed ?? 0).shuffle(Int32Array.from({ length: count }, (_, j) => j));
    const assignment = new Int32Array(count);
    order.forEach((j, i) => {
      assignment[j] = i % k;
    });
    return meanClustering(assignment, k);
  },
};
