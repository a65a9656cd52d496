/** What compressions of a whole model take and give. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import type { PrepareOptions } from '../clustering/cluster-columns.js';
import type { Clusterer } from '../clustering/clusterer.js';
import type { RewriteOptions } from '../compression/plan-rewrite.js';
import type { WeightType } from '../format/weight-storage.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import type { Verification } from '../proof/compare-models.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import type { StorageResult } from '../storage/store-weights.js';
import type { WidthsMeant } from '../widths/select-widths.js';
import type { AssembledModel } from './assemble-model.js';
import type { ClusterLayerOptions } from './cluster-layer.js';
import type { RatiosByLayer } from './ratios.js';

/** What becomes smaller: the columns of layers, the widths between them, of each width what loses less, or columns and the widths that those are not. */
export type Reduction = 'columns' | 'neurons' | 'auto' | 'both';

/** What is to be compressed, how far and how. Everything but the ratio has a default. */
export interface CompressModelOptions
  extends ClusterLayerOptions,
    PrepareOptions,
    LongRunOptions,
    RewriteOptions {
  /** ρ in [0, 1) for all layers, or by layer name. For neurons: the share of each width that leaves, or by the width's name. */
  readonly ratio?: number | RatiosByLayer | undefined;
  /**
   * - `columns` (default): the columns of fully connected layers are clustered;
   * - `neurons`: features leave widths, and nothing is added to the graph;
   * - `auto`: of each width whichever of both keeps the outputs closer with as many parameters;
   * - `both`: columns of the fully connected layers of one product per sample, and features of all other widths;
   * - `none`: the model stays as it is, without a ratio, and its weights are stored as `storage` says.
   */
  readonly reduce?: Reduction | 'none' | undefined;
  /**
   * Default `rankOne`: the best non-negative fit of each cluster in squared error. Of the clusterers that come with core it
   * keeps most accuracy once the layers are refitted, and none is ahead of it everywhere without.
   */
  readonly clusterer?: Clusterer | undefined;
  /** Multiplies large matrices. Default: the engine of the model's format, or else the portable one. */
  readonly engine?: MatrixEngine | undefined;
  /** Names of the layers, or widths, to compress. Default: those with a ratio. */
  readonly layers?: readonly string[] | undefined;
  /** For neurons where nothing is named: `inner` leaves widths alone that run through residual sums. Default `all`. */
  readonly widths?: WidthsMeant | undefined;
  /** Zeroes the smallest weights first, up to this share of each layer. Default 0: as the model is. Columns only. */
  readonly sparsity?: number | undefined;
  /**
   * Unlabelled inputs on which layers are refitted to the original's outputs, or `none`. Default: none for columns; for neurons
   * inputs that are made up, where the model takes one input of images or vectors.
   */
  readonly calibration?: CalibrationInputs | 'none' | undefined;
  /**
   * How the file of the result holds its weights; the model computes as before. Rounding to whole numbers is chosen by the inputs of the
   * calibration where there are any, and counts in whatever is measured on the result. Default: as the original's file held them.
   */
  readonly storage?: WeightType | undefined;
  /** Whether the result is run against its reference, see `compareModels`. Default yes. */
  readonly prove?: boolean | undefined;
  /** Asked before the inputs of the proof are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** The options with a clusterer, and with inputs or none. */
export interface ResolvedOptions extends Omit<CompressModelOptions, 'ratio' | 'calibration'> {
  readonly clusterer: Clusterer;
  readonly calibration: CalibrationInputs | undefined;
}

/** A model that was compressed and proved. */
export interface CompressedModel extends AssembledModel {
  /** What became of each width, and of each layer whose columns were clustered. */
  readonly reductions: readonly WidthReport[];
  /** The inputs on which layers were refitted; undefined when none were. */
  readonly calibration: CalibrationInputs | undefined;
  /** What running it against its reference found, before its weights were stored; undefined only where `prove` is false. */
  readonly proof: Verification | undefined;
  /** What storing its weights in another type did; left out where they are stored as they were. */
  readonly storage?: StorageResult | undefined;
}
