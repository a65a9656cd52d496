/**
 * The graph around a layer, in terms that no model format owns.
 *
 * An adapter describes what stands between one fully connected layer and the next; the rules in
 * `folding/norm-folding.ts` decide what may move. Tensors are named; the feature axis is the last one, except between a
 * convolution and its flattening, where it is the channel axis.
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
  /** Anything else. `reason` may say why it stops the walk, as the end of a sentence after the operation's name. */
  | { readonly type: 'other'; readonly reason?: string };

/** One operation, seen from the tensor that it produces. */
export interface GraphOperation {
  /** Unique within the graph, and known to the adapter: rewrites refer to it. */
  readonly name: string;
  /** The operation's type as the format calls it, for messages: `Relu`. */
  readonly label: string;
  /** The tensor in which the walk goes on upstream. */
  readonly input: string;
  readonly effect: OperationEffect;
}

/** The part of a model's graph that folding asks about. */
export interface GraphView {
  /** The operation that produces a tensor; `undefined` for a graph input or a constant. */
  producer(tensor: string): GraphOperation | undefined;
  /** How many uses the tensor has: inputs of operations, plus one if it is an output of the graph. */
  uses(tensor: string): number;
}
