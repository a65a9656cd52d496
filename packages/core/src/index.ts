export {
  type Allocation,
  allocateRatios,
  type CurvePoint,
  type LayerCurve,
  smallestAllocation,
} from './allocation/allocate-ratios.js';
export {
  CLAIM_CONFIDENCE,
  LEAST_DEVIATIONS,
  lastPassing,
  strongestCandidate,
} from './allocation/fixed-sequence.js';
export { accuracyDrop, accuracyDropBound, type PairedHits } from './allocation/paired-drop.js';
export { type CalibrateModelOptions, calibrateModel } from './calibration/calibrate-model.js';
export type { CalibrationInputs } from './calibration/calibration-inputs.js';
export { evolvedInputs } from './calibration/evolved-inputs.js';
export { type GeneratedInputsOptions, generatedInputs } from './calibration/generated-inputs.js';
export { OriginalOutputs } from './calibration/original-outputs.js';
export { type CalibrationReport, refitLayer } from './calibration/refit-layer.js';
export { type LongRunOptions, Pause, type Progress } from './cancellation.js';
export { clusterers, isClusterer } from './clustering/built-in.js';
export {
  clusterColumns,
  type PreparedColumns,
  type PrepareOptions,
  prepareColumns,
} from './clustering/cluster-columns.js';
export type {
  Clusterer,
  Clustering,
  ClusteringAlgorithm,
  ClusterOptions,
  ClusterScale,
  Columns,
} from './clustering/clusterer.js';
export { kmeans } from './clustering/kmeans.js';
export { l2Slice } from './clustering/l2-slice.js';
export { meanClustering } from './clustering/mean-clustering.js';
export { randomAssignment } from './clustering/random-assignment.js';
export { rankOne } from './clustering/rank-one.js';
export { spherical } from './clustering/spherical.js';
export { type ClusterLayout, layOutClusters } from './compression/cluster-layout.js';
export { clustersForRatio } from './compression/column-reduction.js';
export {
  type AssembledModel,
  type AssembleModelOptions,
  assembleModel,
  type CompressLayerOptions,
  type CompressModelOptions,
  compressLayer,
  compressModel,
  type LayerReport,
  type PreparedLayer,
  prepareLayer,
  reportLayer,
} from './compression/compress-model.js';
export {
  type CompressedLayer,
  compressedLayer,
  reconstruct,
  relativeError,
} from './compression/compressed-layer.js';
export type {
  ClusterGroup,
  FeatureRewrite,
  InputForm,
  LayerRewrite,
  ModelRewrite,
} from './compression/model-rewrite.js';
export { planRewrite, type RewriteOptions, type RewritePlan } from './compression/plan-rewrite.js';
export { pruneByMagnitude, sparsityOf } from './compression/pruning.js';
export { splitBeforeLayers } from './compression/split-before-layers.js';
export { InputError, type InputErrorCode } from './errors.js';
export type { GraphOperation, GraphView, OperationEffect } from './folding/graph-view.js';
export { type FoldPlan, type FoldStep, planFold } from './folding/norm-folding.js';
export { applyInputForm } from './format/input-form.js';
export type {
  FcLayer,
  Model,
  ModelFormat,
  ModelSession,
  ReadOptions,
  SkippedLayer,
  Tensor,
  TensorInfo,
} from './format/model-format.js';
export { selectLayers } from './format/select-layers.js';
export {
  reluActivation,
  type SequentialActivation,
  type SequentialLayer,
  SequentialModel,
  type SequentialOperation,
  type WriteSequential,
} from './format/sequential-model.js';
export {
  isOnHost,
  type TemporaryFileOwner,
  temporaryFileName,
  temporaryFileOwner,
} from './format/temporary-files.js';
export { tensorIndex } from './format/tensor-index.js';
export { computedGram } from './matrix/computed-gram.js';
export {
  asDenseMatrix,
  type DenseMatrix,
  denseMatrix,
  fromMlMatrix,
  toMlMatrix,
  transpose,
} from './matrix/dense-matrix.js';
export {
  type ComputeGramOptions,
  computeGram,
  type Gram,
  type RowAccess,
  storedGram,
} from './matrix/gram.js';
export type { MatrixEngine } from './matrix/matrix-engine.js';
export { portableEngine } from './matrix/portable-engine.js';
export { Random } from './random.js';
export { lowRankApproximation, rankForClusters } from './reference/low-rank.js';
export { type ImportModule, type Plugin, Registry } from './registry/registry.js';
