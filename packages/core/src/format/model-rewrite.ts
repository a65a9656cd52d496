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
 * 1. `gather`: pick these positions along the last axis, each at most once; null when the order was folded (or is already right);
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

/** New weights for one fully connected layer. */
export interface LayerRewrite {
  readonly layer: string;
  /** Shape `[outputs', k]`: both may differ from the layer's present shape. */
  readonly weights: DenseMatrix;
  /** `outputs'` values; null only for a layer that has no bias, and keeps none. */
  readonly bias: Float32Array | null;
  /** How the input becomes k wide, or null when the columns stay as they are. */
  readonly input: InputForm | null;
}

/**
 * New parameters for an operation with parameters per feature (a convolution's filters and bias, PRelu's slopes,
 * BatchNormalization's four vectors, a constant added or multiplied).
 */
export interface FeatureRewrite {
  readonly operation: string;
  /** Feature i of the result takes the parameters of feature `order[i]`, each at most once; null keeps all of them in place. */
  readonly order: Int32Array | null;
  /**
   * Factor per feature of the result, or null. It multiplies whatever scales the operation's output: filters and bias, γ and β,
   * an added constant, a multiplied constant. A PRelu slope or a mean or variance is never multiplied.
   */
  readonly scales: Float32Array | null;
}

export interface ModelRewrite {
  readonly layers: readonly LayerRewrite[];
  readonly features: readonly FeatureRewrite[];
}
