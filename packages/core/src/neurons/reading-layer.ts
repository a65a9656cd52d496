/** What a layer that reads a width is asked for while the width becomes narrower. */
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import type { FeatureSweep } from './feature-sweep.js';

/** What is believed of the features besides what inputs say of them. */
export interface Belief {
  /** As a multiple of the mean variance. */
  readonly strength: number;
  /** Their correlations, see `featureLikeness`. Default: every feature is like itself alone. */
  readonly likeness?: DenseMatrix | undefined;
}

export interface ReadingLayer {
  /**
   * Takes rows in.
   *
   * @param z what the layer reads in the network as it is, shape `[N, n]`
   * @param y what the original gives there, shape `[N, m]`; undefined where z does not hold all that it depends on
   * @param samples the sample of each row, counted over all batches
   * @param share of all rows that come
   */
  add(z: DenseMatrix, y: DenseMatrix | undefined, samples: Int32Array, share: number): Promise<void>;
  /**
   * What the loss of features costs, as a share of the outputs' variance.
   *
   * @param features all of the width; its index is a feature's place
   * @param forGood whether features that leave never return
   * @returns undefined where that cannot be told
   */
  sweep(features: readonly number[], belief: Belief, forGood: boolean): Promise<FeatureSweep | undefined>;
  /**
   * Covariances of what features contribute to the outputs, as shares of the outputs' variance.
   *
   * @param features all of the width; its index is a feature's place
   * @returns shape `[features, features]`; undefined where that cannot be told
   */
  contributions(features: readonly number[]): Promise<Float64Array | undefined>;
  /** The share that each feature alone has in the outputs: `‖w_j‖² var x_j`, up to a factor. */
  scores(features: readonly number[]): Promise<Float64Array>;
  /** Its relative error on rows that were held back, once it is refitted without these features; undefined where that cannot be told. */
  errorWithout(leaving: ReadonlySet<number>): Promise<number | undefined>;
  /** Refits the layer without these features. Never worse than it was on rows that were held back. */
  refit(leaving: ReadonlySet<number>): Promise<void>;
}
