/**
 * What operations do to factors, to the order and to the sums of features, in terms that no model format owns. An adapter says it with every
 * operation of the feature flow; the rules in `folding/norm-folding.ts` decide what may move.
 */

/**
 * What an operation does to factors and to the order of its features. `features` counts the parameters per feature.
 */
export type OperationEffect =
  /** Produces its features from weights: row i of `[outputs, inputs]` makes feature i. A place to fold into. */
  | {
      readonly type: 'fully-connected';
      readonly layer: string;
      readonly outputs: number;
      readonly shared: boolean;
    }
  /**
   * One filter per channel; `foldable` when its filters may be scaled and reordered (own weights, one group). `layer`: its name where it is
   * one of the model's layers.
   */
  | {
      readonly type: 'convolution';
      readonly filters: number;
      readonly foldable: boolean;
      readonly layer?: string | undefined;
    }
  /**
   * Acts on every feature alike and linearly, L(u + v) = L(u) + L(v): identity, Dropout at inference, one factor for all features,
   * means over positions, a Transpose.
   */
  | { readonly type: 'linear' }
  /** Acts on every feature alike with φ(t·v) = t·φ(v) for t > 0, but not linearly: Relu, LeakyRelu, the largest over positions. */
  | { readonly type: 'homogeneous' }
  /** The same with one parameter per feature: PRelu with a slope per feature. */
  | { readonly type: 'homogeneous-per-feature'; readonly features: number }
  /** Acts on every feature alike but is not homogeneous: Sigmoid, Tanh, Gelu, Clip. */
  | { readonly type: 'elementwise' }
  /** The same with one parameter per feature: a Gelu that adds a bias first, an exponent per feature. */
  | { readonly type: 'elementwise-per-feature'; readonly features: number }
  /** `v + β` or another sum of both, such as `β − v`, with one constant β per feature. */
  | { readonly type: 'shift'; readonly features: number }
  /** The larger or the smaller of v and one constant β per feature. */
  | { readonly type: 'bound'; readonly features: number }
  /**
   * `γ·v + β` with one constant γ (and β) per feature: BatchNormalization, a constant Mul. `factors`: the γ where the operation takes sums,
   * which leave it `v + Σβ`; left out where it takes none.
   */
  | {
      readonly type: 'affine';
      readonly features: number;
      readonly factors?: Float32Array | undefined;
    }
  /** Normalises over the features, then `γ·v + β` with one constant γ (and β) per feature: LayerNormalization. */
  | { readonly type: 'normalization'; readonly features: number }
  /**
   * Keeps the order of all elements: Flatten, Reshape, Squeeze. `perSample` when the first axis stays apart; `size` is the number of
   * features that it names, left out where any number passes.
   */
  | { readonly type: 'layout'; readonly perSample: boolean; readonly size?: number | undefined }
  /** Pools each channel on its own: MaxPool, AveragePool and their global forms. `linear` where it takes means or sums. */
  | { readonly type: 'pooling'; readonly linear: boolean }
  /** Reads what folding never changes, such as the sizes of other axes: no use of a tensor that keeps anything from folding through it. */
  | { readonly type: 'apart' }
  /** Anything else. `reason` may say why nothing passes, as the end of a sentence after the operation's name. */
  | { readonly type: 'other'; readonly reason?: string };

/** Effects of operations of which nothing more needs to be known. */
export const LINEAR: OperationEffect = { type: 'linear' };
export const HOMOGENEOUS: OperationEffect = { type: 'homogeneous' };
export const ELEMENTWISE: OperationEffect = { type: 'elementwise' };

/**
 * The effect of an operation that nothing passes.
 *
 * @param reason the end of a sentence after the operation's name
 */
export function stops(reason: string): OperationEffect {
  return { type: 'other', reason };
}
