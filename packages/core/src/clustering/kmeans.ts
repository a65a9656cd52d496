import type { Clusterer } from './clusterer.js';
import { inertiaObjective } from './objective.js';
import { ALGORITHM, type AlgorithmOptions, optimise } from './optimise.js';
import { columnPoints } from './points.js';

/**
 * k-means on the columns themselves: `s_j = 1`, each centroid the (weighted) mean of its members. The objective is the
 * inertia `Σ ω_j ‖w_j − c_{a(j)}‖²` (squared, in the weights' units).
 */
export const kmeans: Clusterer<AlgorithmOptions> = {
  name: 'kmeans',
  options: { algorithm: ALGORITHM },
  async cluster(columns, k, options) {
    const points = columnPoints(columns, options.weights);
    const { partition, iterations } = await optimise(points, k, inertiaObjective, options);
    const { assignment, weights, squaredNorms } = partition;
    let inertia = 0;
    for (let j = 0; j < points.count; j++) inertia += points.weights[j]! * points.squaredNorms[j]!;
    for (let c = 0; c < k; c++) inertia -= inertiaObjective.value(squaredNorms[c]!, weights[c]!);
    return {
      assignment,
      scales: new Float64Array(points.count).fill(1),
      coefficients: points.weights.map((weight, j) => weight / weights[assignment[j]!]!),
      objective: Math.max(0, inertia),
      iterations,
    };
  },
};
