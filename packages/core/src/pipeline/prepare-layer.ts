import { type PreparedColumns, type PrepareOptions, prepareColumns } from '../clustering/cluster-columns.js';
import { pruneByMagnitude, sparsityOf } from '../compression/pruning.js';
import { InputError } from '../errors.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';

/** A layer made ready for clustering at one sparsity: what every ratio, clusterer and seed shares. */
export interface PreparedLayer {
  readonly layer: FcLayer;
  /** W after pruning, shape `[m, n]`. */
  readonly weights: DenseMatrix;
  /** The share of zeros in it. */
  readonly sparsity: number;
  readonly columns: PreparedColumns;
}

/**
 * Prunes a layer and computes its columns' Gram matrix.
 *
 * @throws InputError as `pruneByMagnitude` and `prepareColumns` do, with the layer's name
 */
export async function prepareLayer(
  model: Model,
  layer: FcLayer,
  sparsity: number,
  engine: MatrixEngine,
  options: PrepareOptions = {},
): Promise<PreparedLayer> {
  const weights = pruneByMagnitude(model.weights(layer.name), sparsity);
  const columns = await prepareColumns(weights, engine, options).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.code, `layer '${layer.name}': ${error.message}`, { cause: error });
  });
  return { layer, weights, sparsity: sparsityOf(weights), columns };
}
