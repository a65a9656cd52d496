/** Core's instructions to a model format: what to put in place of what. Formats translate them and decide nothing. */
import type { DenseMatrix } from '../matrix/dense-matrix.js';

/** A run of `count` clusters with `size` members each. */
export interface ClusterGroup {
  readonly size: number;
  readonly count: number;
}

/**
 * What happens to a layer's input before the smaller weight matrix. In order:
 *
 * For a convolution all of it happens along the axis of the channels; for the others along the last axis:
 *
 * 1. `gather`: pick these positions, each at most once; null when the order was folded (or is already right);
 * 2. `multiply`: multiply by these factors, one per picked position; null when they were folded or are all one;
 * 3. the cluster sum: the positions now hold the members of each cluster as neighbours and clusters of one size as
 *    neighbours (or in the order of the model's own `layout`). Per group, `[.., count·size]` is reshaped to `[.., count, size]` and summed over the last axis; groups
 *    of size 1 pass through; the results are concatenated to `[.., k]`.
 */
export interface InputForm {
  readonly gather: Int32Array | null;
  readonly multiply: Float32Array | null;
  readonly groups: readonly ClusterGroup[];
}

/** New weights for one layer. */
export interface LayerRewrite {
  readonly layer: string;
  /** Shape `[outputs', k]`, or `[outputs'·span, k]` of a convolution: both outputs and k may differ from the layer's present shape. */
  readonly weights: DenseMatrix;
  /** `outputs'` values; null only for a layer that has no bias, and keeps none. */
  readonly bias: Float32Array | null;
  /** How the input becomes k wide, or null when the columns stay as they are. */
  readonly input: InputForm | null;
}

/**
 * New parameters for an operation with parameters per feature (a convolution's filters and bias, PRelu's slopes,
 * BatchNormalization's four vectors, a constant added or multiplied). In the order of its parts, as an `InputForm`.
 */
export interface FeatureRewrite {
  readonly operation: string;
  /** Feature i of the result takes the parameters of feature `order[i]`, each at most once; null keeps all of them in place. */
  readonly order: Int32Array | null;
  /**
   * Factor per feature in that order, or null. It multiplies whatever scales the operation's output: filters and bias, γ and β,
   * an added constant, a multiplied constant. A PRelu slope or a mean or variance is never multiplied.
   */
  readonly scales: Float32Array | null;
  /**
   * Neighbours in that order whose parameters are added up to those of one feature, as `InputForm.groups`; left out: every feature stays.
   * An operation with `factors` of its own gives them to what precedes it, and keeps the constants that it adds.
   * Only for those, for filters and added constants, and where everything up to the layer that reads the features is linear.
   */
  readonly sums?: readonly ClusterGroup[] | undefined;
}

export interface ModelRewrite {
  readonly layers: readonly LayerRewrite[];
  readonly features: readonly FeatureRewrite[];
}
