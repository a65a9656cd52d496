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

/** What every clusterer is given. */
export interface ClusterOptions extends LongRunOptions {
  /** Makes a run repeatable: same columns, k and seed, same result. Default 0. */
  readonly seed?: number | undefined;
  /** How much each column counts, n positive values. Default: all ones. */
  readonly weights?: Float64Array | undefined;
}

/** One option of a clusterer's own: what it may be, what it is when left out, and what it is for, in a line. */
export type ClustererOption =
  | {
      readonly type: 'enum';
      /** Words: a letter, then letters, digits, `_`, `.` or `-`. */
      readonly values: readonly string[];
      readonly default: string;
      readonly description: string;
    }
  | {
      readonly type: 'number' | 'integer';
      /** The smallest and the largest value allowed; no bound when left out. */
      readonly min?: number;
      readonly max?: number;
      readonly default: number;
      readonly description: string;
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly description: string };

/** The options of a clusterer by name: a letter, then letters, digits, `_` or `-`. */
export type ClustererOptionTable = Readonly<Record<string, ClustererOption>>;

/** Values of a clusterer's own options, by name. */
export type ClustererOptionValues = Readonly<Record<string, string | number | boolean>>;

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
  /** The value that the clusterer minimised (inertia) or maximised (total cosine), if any. */
  readonly objective?: number;
  /** Passes over all columns, where they are counted. */
  readonly iterations?: number;
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
 *
 * @typeParam Own the options of its own that `cluster` is given, as `options` describes them
 */
export interface Clusterer<Own extends object = Record<never, never>> {
  readonly name: string;
  /**
   * Whether it also chooses which neurons stay where there are inputs. It is then given what they contribute to the outputs of the layers that
   * read them: with S the covariances of inputs, the columns' Gram matrix is `(WᵀW) ∘ S`, so that a distance is the mean of
   * `‖w_i x_i − w_j x_j‖²`, and of each cluster the member nearest to its centroid stays. What never varies is left out. Default: false, and
   * those leave whose loss makes the smallest error.
   */
  readonly contributions?: boolean | undefined;
  /** Options of its own. Callers give them by `withOptions`; the command as `NAME:key=value`. Default: none. */
  readonly options?: { readonly [Name in keyof Own]-?: ClustererOption };
  /**
   * @param k the number of clusters wanted, in [1, columns.count]
   * @param options what every clusterer is given, and beside it all options of its own, each with a value that is allowed
   */
  cluster(columns: Columns, k: number, options: ClusterOptions & Own): Promise<Clustering>;
}
