/** The contract of a clusterer: columns in, groups of columns out. */
import type { LongRunOptions } from '../cancellation.js';
import type { Gram } from '../matrix/gram.js';

/**
 * The columns of a weight matrix as a clusterer sees them: finite, not all zero, and known by their inner products.
 *
 * `‖w_i − w_j‖² = G_ii − 2 G_ij + G_jj`, and the cosine of two columns is `G_ij / (r_i r_j)`.
 */
export interface Columns {
  /** n, the number of columns. */
  readonly count: number;
  /** The norms `r_j = ‖w_j‖`, n values, all positive. */
  readonly norms: Float64Array;
  /** Their Gram matrix. Its memory may go to the next layer once `cluster` has answered: do not keep it. */
  readonly gram: Gram;
}

/** Lloyd's batch iteration, or Hartigan's exchange of single columns, which goes on where Lloyd's stalls. */
export type ClusteringAlgorithm = 'lloyd' | 'hartigan';

/**
 * The factor that a column's direction keeps: its own norm, as in the paper, or its projection on the centroid,
 * `max(0, w_j·c)`, which never has a larger squared error.
 */
export type ClusterScale = 'norm' | 'projected';

export interface ClusterOptions extends LongRunOptions {
  /** Makes a run repeatable: same columns, k and seed, same result. Default 0. */
  readonly seed?: number | undefined;
  /** For clusterers that have both. Default `hartigan`. */
  readonly algorithm?: ClusteringAlgorithm | undefined;
  /** For clusterers of directions. Default `norm`. */
  readonly scale?: ClusterScale | undefined;
  /** How much each column counts, n positive values. Default: all ones. */
  readonly weights?: Float64Array | undefined;
}

/**
 * What a clusterer found. Column j is replaced by `s_j · c_{a(j)}`, with the centroid
 * `c_k = Σ_{j : a(j)=k} coefficient_j · w_j`: the best centroid for given scales always lies in the span of its members.
 */
export interface Clustering {
  /** a(j) in [0, k), or −1 for a column that is dropped; n values. */
  readonly assignment: Int32Array;
  /** s_j ≥ 0, n values. */
  readonly scales: Float64Array;
  /** The share of each column in its centroid, n values. */
  readonly coefficients: Float64Array;
  /** The value that the clusterer minimised (inertia) or maximised (total cosine). */
  readonly objective: number;
  /** Passes over all columns. */
  readonly iterations: number;
}

/**
 * A way to group columns. Plug-ins are plain objects; check one with `clustererContract` of `@spherize/core/testing`.
 *
 * @example
 * ```ts
 * const everyKth: Clusterer = {
 *   name: 'every-kth',
 *   async cluster({ count }, k, { signal }) {
 *     signal?.throwIfAborted();
 *     const assignment = Int32Array.from({ length: count }, (_, j) => j % k);
 *     return meanClustering(assignment, k);
 *   },
 * };
 * ```
 */
export interface Clusterer {
  readonly name: string;
  /** @param k the number of clusters wanted, in [1, columns.count] */
  cluster(columns: Columns, k: number, options: ClusterOptions): Promise<Clustering>;
}
