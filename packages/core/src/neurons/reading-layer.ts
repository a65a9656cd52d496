/** What a layer that reads a width is asked for while the width becomes narrower. */
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import type { FeatureSweep } from './feature-sweep.js';

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
   * @param strength of the ridge, as a multiple of the mean variance
   * @returns undefined where that cannot be told
   */
  sweep(features: readonly number[], strength: number, forGood: boolean): Promise<FeatureSweep | undefined>;
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
