import { type CalibrateModelOptions, calibrateModel } from '../calibration/calibrate-model.js';
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { CalibrationReport } from '../calibration/refit-layer.js';
import { keepsColumns } from '../compression/column-reduction.js';
import { type CompressedLayer, relativeError } from '../compression/compressed-layer.js';
import type { RewriteOptions } from '../compression/plan-rewrite.js';
import { rewriteWithinStorage } from '../compression/rewrite-within-storage.js';
import type { FoldPlan } from '../folding/norm-folding.js';
import type { Model } from '../format/model-format.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import type { PreparedLayer } from './prepare-layer.js';

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

/** How clustered layers are put into a model. */
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
  const { model: rewritten, folds } = rewriteWithinStorage(model, compressed, options);
  return {
    model: rewritten,
    compressed,
    layers: [...compressed].map(([name, result]) => {
      const figures = reportLayer(prepared.get(name)!, result);
      const kept = figures.clusters === figures.columns ? keepsColumns(prepared.get(name)!.layer) : undefined;
      const planned = folds.get(name)!;
      const fold = kept === undefined ? planned : { ...planned, reason: `left as it is: ${kept}` };
      const calibration = reports.find(({ layer }) => layer === name);
      return {
        ...figures,
        fold,
        folded: fold.scaleInto !== null,
        ...(calibration && { calibration }),
      };
    }),
  };
}

/** What became of the columns of layers, as it is told of widths. */
export function columnReductions(layers: readonly LayerReport[]): WidthReport[] {
  return layers.map(({ name, columns, clusters }) => ({
    width: name,
    from: columns,
    to: clusters,
    kind: 'columns',
  }));
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
