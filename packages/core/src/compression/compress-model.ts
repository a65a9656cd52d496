/** The way of a whole model: every chosen layer is pruned, clustered and formed anew, then the model is rewritten. */
import { type CalibrateModelOptions, calibrateModel } from '../calibration/calibrate-model.js';
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { CalibrationReport } from '../calibration/refit-layer.js';
import { Pause } from '../cancellation.js';
import {
  clusterColumns,
  type PreparedColumns,
  type PrepareOptions,
  prepareColumns,
} from '../clustering/cluster-columns.js';
import type { Clusterer, ClusterOptions } from '../clustering/clusterer.js';
import { InputError } from '../errors.js';
import type { FoldPlan } from '../folding/norm-folding.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { selectLayers } from '../format/select-layers.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import { releaseGram } from '../matrix/gram.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { clustersForRatio, nextMultiple } from './column-reduction.js';
import { type CompressedLayer, compressedLayer, relativeError } from './compressed-layer.js';
import { padClusters } from './pad-clusters.js';
import { planRewrite, type RewriteOptions } from './plan-rewrite.js';
import { pruneByMagnitude, sparsityOf } from './pruning.js';

/** A layer made ready for clustering at one sparsity: what every ratio, clusterer and seed shares. */
export interface PreparedLayer {
  readonly layer: FcLayer;
  /** W after pruning, shape `[m, n]`. */
  readonly weights: DenseMatrix;
  /** The share of zeros in it. */
  readonly sparsity: number;
  readonly columns: PreparedColumns;
}

/** What became of one layer. */
export interface LayerReport {
  readonly name: string;
  /** n. */
  readonly columns: number;
  /** k, the clusters that are left. */
  readonly clusters: number;
  /** The column reduction ratio reached, `1 − k/n`. */
  readonly ratio: number;
  /** The share of zeros in W when it was clustered. */
  readonly sparsity: number;
  /** Whether the factors s_j folded into what precedes the layer. */
  readonly folded: boolean;
  readonly fold: FoldPlan;
  /** `‖W − Ŵ‖_F / ‖W‖_F` against the pruned W. */
  readonly relativeError: number;
  /** What refitting did; only with calibration. */
  readonly calibration?: CalibrationReport;
}

export interface CompressLayerOptions extends ClusterOptions {
  /** Every layer keeps a multiple of this many clusters, rounded up, or all its columns. Default 1. */
  readonly roundTo?: number | undefined;
}

export interface AssembleModelOptions extends CalibrateModelOptions, RewriteOptions {
  /** Unlabelled inputs on which the clustered layers are refitted to the original's outputs. Default: none. */
  readonly calibration?: CalibrationInputs | undefined;
}

/** A compressed model. */
export interface AssembledModel {
  /** Shares all unchanged weights with the original. */
  readonly model: Model;
  /** What became of each layer. */
  readonly layers: LayerReport[];
  /** The compressed layers by name, as they were refitted. */
  readonly compressed: ReadonlyMap<string, CompressedLayer>;
}

export interface CompressModelOptions
  extends CompressLayerOptions,
    PrepareOptions,
    Omit<AssembleModelOptions, 'original'> {
  readonly clusterer: Clusterer;
  readonly engine: MatrixEngine;
  /** ρ in [0, 1) for all layers, or by layer name. */
  readonly ratio: number | ReadonlyMap<string, number>;
  /** Names of the layers to compress. Default: those with a ratio. */
  readonly layers?: readonly string[] | undefined;
  /** Zeroes the smallest weights first, up to this share of each layer. Default 0: as the model is. */
  readonly sparsity?: number | undefined;
}

/** Prunes a layer and computes its columns' Gram matrix. */
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

/** Clusters a prepared layer at one ratio. */
export async function compressLayer(
  prepared: PreparedLayer,
  clusterer: Clusterer,
  ratio: number,
  options: CompressLayerOptions = {},
): Promise<CompressedLayer> {
  const { inputs } = prepared.layer;
  const { roundTo = 1 } = options;
  const k = clustersForRatio(inputs, ratio, roundTo);
  const clustering = await clusterColumns(clusterer, prepared.columns, k, options);
  const layer = compressedLayer(prepared.weights, prepared.columns, clustering);
  return padClusters(prepared.weights, layer, nextMultiple(layer.centroids.cols, roundTo, inputs));
}

/**
 * Compresses the fully connected layers of a model.
 *
 * @throws InputError for unknown layers, ratios outside [0, 1) or weights that are not finite
 */
export async function compressModel(model: Model, options: CompressModelOptions): Promise<AssembledModel> {
  const { ratio } = options;
  const names = options.layers ?? (typeof ratio === 'number' ? undefined : [...ratio.keys()]);
  const ratios = ratiosByLayer(model, ratio);
  const clustered = new Map<string, CompressedLayer>();
  const pruned = new Map<string, Omit<PreparedLayer, 'columns'>>();
  // Many small layers: none of them takes long enough to be interrupted.
  const pause = new Pause(options.signal);
  for (const layer of selectLayers(model, names)) {
    await pause.point();
    const { columns, ...prepared } = await prepareLayer(
      model,
      layer,
      options.sparsity ?? 0,
      options.engine,
      options,
    );
    pruned.set(layer.name, prepared);
    clustered.set(
      layer.name,
      await compressLayer({ ...prepared, columns }, options.clusterer, ratios(layer), options),
    );
    releaseGram(columns.gram);
  }
  return assembleModel(model, pruned, clustered, options);
}

/**
 * Refits the clustered layers where calibration inputs are given, and puts all of them into the model.
 *
 * @param prepared the layers before they were clustered, by name
 * @param clustered by name; those of a part of the model fit the whole too
 */
export async function assembleModel(
  model: Model,
  prepared: ReadonlyMap<string, Omit<PreparedLayer, 'columns'>>,
  clustered: ReadonlyMap<string, CompressedLayer>,
  options: AssembleModelOptions,
): Promise<AssembledModel> {
  const { compressed, reports } = options.calibration
    ? await calibrateModel(model, clustered, options.calibration, options)
    : { compressed: clustered, reports: [] };
  const { folds, rewrite } = planRewrite(model, compressed, options);
  return {
    model: model.rewrite(rewrite),
    compressed,
    layers: [...compressed].map(([name, result]) => {
      const fold = folds.get(name)!;
      const calibration = reports.find(({ layer }) => layer === name);
      return {
        ...reportLayer(prepared.get(name)!, result),
        fold,
        folded: fold.scaleInto !== null,
        ...(calibration && { calibration }),
      };
    }),
  };
}

/** The figures of one compressed layer. */
export function reportLayer(
  prepared: Omit<PreparedLayer, 'columns'>,
  result: CompressedLayer,
): Omit<LayerReport, 'fold' | 'folded' | 'calibration'> {
  const columns = prepared.layer.inputs;
  const clusters = result.centroids.cols;
  return {
    name: prepared.layer.name,
    columns,
    clusters,
    ratio: 1 - clusters / columns,
    sparsity: prepared.sparsity,
    relativeError: relativeError(prepared.weights, result),
  };
}

function ratiosByLayer(
  model: Model,
  ratio: number | ReadonlyMap<string, number>,
): (layer: FcLayer) => number {
  if (typeof ratio === 'number') {
    clustersForRatio(1, ratio);
    return () => ratio;
  }
  const byLayer = new Map<string, number>();
  for (const [name, value] of ratio) {
    clustersForRatio(1, value);
    for (const layer of selectLayers(model, [name])) byLayer.set(layer.name, value);
  }
  return (layer) => byLayer.get(layer.name) ?? 0;
}
