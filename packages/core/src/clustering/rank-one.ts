import type { Clusterer, Clustering } from './clusterer.js';
import { cosineObjective } from './objective.js';
import { ALGORITHM, type AlgorithmOptions, optimise } from './optimise.js';
import { columnPoints, directionPoints, type Points } from './points.js';
import { rankOneExchange } from './rank-one-exchange.js';

/**
 * Rank-one clusters: the columns of a cluster are replaced by the non-negative multiples of one vector that fit them best,
 * `min Σ ω_j ‖w_j − s_j c_{a(j)}‖²` with `s_j ≥ 0`. For one cluster c is its leading left singular vector and the s_j are the
 * right one. Unlike a mean, such a cluster gives long columns their length and short ones next to nothing, so its error is never
 * above that of dropping all but the longest column of each cluster. The objective is that sum of squared errors.
 *
 * The columns' directions, weighted by their squared norms, are first clustered by Lloyd's algorithm; then single columns are
 * exchanged between clusters until that no longer helps (`algorithm: 'hartigan'`), or the multiples alone are fitted (`'lloyd'`).
 * Columns whose best multiple is 0 are dropped.
 */
export const rankOne: Clusterer<AlgorithmOptions> = {
  name: 'rank-one',
  options: { algorithm: ALGORITHM },
  async cluster(columns, k, options) {
    const weights = columns.norms.map((norm, j) => norm * norm * (options.weights?.[j] ?? 1));
    const start = await optimise(directionPoints(columns, weights), k, cosineObjective, {
      ...options,
      algorithm: 'lloyd',
    });
    const points = columnPoints(columns, options.weights);
    const { assignment, coordinates, energies, passes } = await rankOneExchange(
      points,
      start.partition.assignment,
      k,
      options,
    );
    return clusteringOf(points, assignment, coordinates, energies, start.iterations + passes);
  },
};

/** From unit coordinates v of every cluster to `s_j = √V v_j/√ω_j` and `c = Σ v_j √ω_j w_j / √V`. */
function clusteringOf(
  points: Points,
  assignment: Int32Array,
  coordinates: Float64Array,
  energies: Float64Array,
  iterations: number,
): Clustering {
  const { count, weights, squaredNorms } = points;
  const kept = new Int32Array(count);
  const scales = new Float64Array(count);
  const coefficients = new Float64Array(count);
  let error = 0;
  for (let j = 0; j < count; j++) {
    const c = assignment[j]!;
    const root = Math.sqrt(weights[j]!);
    const length = Math.sqrt(energies[c]!);
    error += weights[j]! * squaredNorms[j]!;
    const dropped = coordinates[j]! <= NEGLIGIBLE;
    kept[j] = dropped ? -1 : c;
    scales[j] = dropped ? 0 : (length * coordinates[j]!) / root;
    coefficients[j] = dropped ? 0 : (coordinates[j]! * root) / length;
  }
  for (const energy of energies) error -= energy;
  return { assignment: kept, scales, coefficients, objective: Math.max(0, error), iterations };
}

/** A column with a smaller share of its cluster than float32 can tell from nothing. */
const NEGLIGIBLE = 1e-7;
