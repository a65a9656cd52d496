import { Pause } from '../cancellation.js';
import type { Clusterer } from './clusterer.js';
import { cosineObjective } from './objective.js';
import { ALGORITHM, type AlgorithmOptions, optimise } from './optimise.js';
import { forEachOwnSum, membersByCluster } from './partition.js';
import { directionPoints, type Points } from './points.js';

/** Options of `spherical`. */
export interface SphericalOptions extends AlgorithmOptions {
  /**
   * The factor that a column's direction keeps: its own norm, as in the paper, or its projection on the centroid,
   * `max(0, w_j·c)`, which never has a larger squared error. Default `norm`.
   */
  readonly scale?: 'norm' | 'projected' | undefined;
}

/**
 * Spherical clustering of the columns' directions (Sakamoto, Okita, Ino, IEICE NC2021-22, 2021; spherical k-means: Dhillon and
 * Modha, doi:10.1023/A:1007612920971). `w_j = r_j u_j`; each centroid is the unit mean direction of its members, and
 * `s_j = r_j`, or its projection with `scale: 'projected'`. The objective is the total cosine `Σ ω_j cos(u_j, c_{a(j)})`.
 */
export const spherical: Clusterer<SphericalOptions> = {
  name: 'spherical',
  options: {
    algorithm: ALGORITHM,
    scale: {
      type: 'enum',
      values: ['norm', 'projected'],
      default: 'norm',
      description: "the columns' factors: norm (the paper's) or projected on the centroid",
    },
  },
  async cluster(columns, k, options) {
    const points = directionPoints(columns, options.weights);
    const { partition, iterations } = await optimise(points, k, cosineObjective, options);
    const { assignment, squaredNorms } = partition;
    const resultants = squaredNorms.map(Math.sqrt);
    let total = 0;
    for (const length of resultants) total += length;
    const coefficients = points.factors.map((t, j) => {
      const length = resultants[assignment[j]!]!;
      return length > 0 ? (points.weights[j]! * t) / length : 0;
    });
    return {
      assignment,
      scales:
        options.scale === 'projected'
          ? await projections(points, assignment, coefficients, k, new Pause(options.signal))
          : columns.norms.slice(),
      coefficients,
      objective: total,
      iterations,
    };
  },
};

/** `max(0, w_j·c)` with the centroid of the column's own cluster. */
async function projections(
  points: Points,
  assignment: Int32Array,
  coefficients: Float64Array,
  k: number,
  pause: Pause,
): Promise<Float64Array> {
  const scales = new Float64Array(points.count);
  await forEachOwnSum(points, membersByCluster(assignment, k), coefficients, pause, (j, sum) => {
    scales[j] = Math.max(0, sum);
  });
  return scales;
}
