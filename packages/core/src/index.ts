export type { CalibrationInputs } from './calibration/calibration-inputs.js';
export { type EvolvedInputsOptions, evolvedInputs } from './calibration/evolved-inputs.js';
export {
  defaultSamples,
  GENERATED_SAMPLES,
  type GeneratedInputsOptions,
  generatedInputs,
} from './calibration/generated-inputs.js';
export {
  type ImageLayout,
  imageLayout,
  type PixelNormalization,
  writeImage,
} from './calibration/image-layout.js';
export { type SizedInput, sizedInputs } from './calibration/input-shapes.js';
export { type InputSource, type InputSourceOptions, sourcedInputs } from './calibration/input-source.js';
export { MOST_COLUMNS } from './calibration/moments.js';
export type { CalibrationReport } from './calibration/refit-layer.js';
export { settledInputs } from './calibration/settled-inputs.js';
export { type LongRunOptions, Pause, type Progress, partOf } from './cancellation.js';
export { clusterers } from './clustering/built-in.js';
export {
  clusterColumns,
  type PreparedColumns,
  type PrepareOptions,
  prepareColumns,
} from './clustering/cluster-columns.js';
export type {
  Clusterer,
  ClustererOption,
  ClustererOptionTable,
  ClustererOptionValues,
  Clustering,
  ClusterOptions,
  Columns,
} from './clustering/clusterer.js';
export { kmeans } from './clustering/kmeans.js';
export { l2Slice } from './clustering/l2-slice.js';
export { meanClustering } from './clustering/mean-clustering.js';
export type { AlgorithmOptions, ClusteringAlgorithm } from './clustering/optimise.js';
export { optionTable, resolveOptions, withOptions } from './clustering/own-options.js';
export { randomAssignment } from './clustering/random-assignment.js';
export { rankOne } from './clustering/rank-one.js';
export { type SphericalOptions, spherical } from './clustering/spherical.js';
export { checkRewrite, type WidthChange } from './compression/check-rewrite.js';
export { clustersForRatio, keepsColumns } from './compression/column-reduction.js';
export {
  type CompressedLayer,
  compressedLayer,
  reconstruct,
  relativeError,
} from './compression/compressed-layer.js';
export { planRewrite, type RewriteOptions, type RewritePlan } from './compression/plan-rewrite.js';
export { pruneByMagnitude, sparsityOf } from './compression/pruning.js';
export { InputError, type InputErrorCode, type InputErrorOptions } from './errors.js';
export { foldsOf } from './folding/model-folds.js';
export { type FoldPlan, type FoldStep, planFold } from './folding/norm-folding.js';
export {
  allocateValues,
  type ElementType,
  float32Values,
  isFloat,
  type ValueRange,
  valueRange,
} from './format/element-type.js';
export type {
  ConstantOperand,
  FeatureFlow,
  FeatureGraph,
  FeatureLayer,
  FlowOperation,
  ModelFeatures,
  StoredStatistics,
} from './format/feature-flow.js';
export { type FilterWindow, spanOf } from './format/filter-window.js';
export { fromFloat16, fromFloat16s, toFloat16, toFloat16s } from './format/float16.js';
export { KINDS_OF_WORK, type LatencyModel, type ModelWork, predictedMs } from './format/latency-model.js';
export type {
  FcLayer,
  Model,
  ModelConvolutions,
  ModelFormat,
  ModelSession,
  ReadOptions,
  SkippedLayer,
  StorageRounding,
  Tensor,
  TensorInfo,
} from './format/model-format.js';
export {
  type ModelNarrowing,
  type NarrowedConstant,
  type NarrowedWeights,
  otherWeights,
  type PaddedAxis,
  type SlicePart,
} from './format/model-narrowing.js';
export type {
  ClusterGroup,
  FeatureRewrite,
  InputForm,
  LayerRewrite,
  ModelRewrite,
} from './format/model-rewrite.js';
export {
  ELEMENTWISE,
  HOMOGENEOUS,
  LINEAR,
  type OperationEffect,
  stops,
} from './format/operation-effect.js';
export { scoresOutput } from './format/scores-output.js';
export { offering, selectLayers } from './format/select-layers.js';
export { groupSkipped, type SkippedGroup } from './format/skipped-groups.js';
export { tensorIndex } from './format/tensor-index.js';
export { type FeatureTransform, featuresAfter, transformFeatures } from './format/transform-features.js';
export {
  BYTES_OF_TYPE,
  type RoundedWeights,
  type StorageReport,
  type StoredModel,
  WEIGHT_TYPES,
  type WeightStorage,
  type WeightType,
} from './format/weight-storage.js';
export {
  asDenseMatrix,
  type DenseMatrix,
  denseMatrix,
  fromMlMatrix,
  toMlMatrix,
  transpose,
} from './matrix/dense-matrix.js';
export type { DoubleMatrix } from './matrix/double-matrix.js';
export {
  type ComputeGramOptions,
  computeGram,
  type Gram,
  type RowAccess,
  storedGram,
} from './matrix/gram.js';
export type { MatrixEngine } from './matrix/matrix-engine.js';
export { portableEngine } from './matrix/portable-engine.js';
export { type ErrorCurvesOptions, errorCurves } from './neurons/error-curves.js';
export {
  type PrincipalFeatures,
  type PrincipalFeaturesOptions,
  principalFeatures,
} from './neurons/principal-features.js';
export {
  keptFeatures,
  type NarrowedModel,
  type ReduceNeuronsOptions,
  type ReductionKind,
  reduceNeurons,
  type WidthReport,
} from './neurons/reduce-neurons.js';
export type { AssembledModel, LayerReport } from './pipeline/assemble-model.js';
export { type ClusterLayerOptions, clusterLayer } from './pipeline/cluster-layer.js';
export { compressModel } from './pipeline/compress-model.js';
export type {
  CompressedModel,
  CompressModelOptions,
  Reduction,
} from './pipeline/compressed-model.js';
export { defaultCalibration } from './pipeline/default-calibration.js';
export { type PreparedLayer, prepareLayer } from './pipeline/prepare-layer.js';
export type { RatiosByLayer } from './pipeline/ratios.js';
export { type StoreCompressedOptions, storeCompressed } from './pipeline/store-compressed.js';
export { Random } from './random.js';
export { type ImportModule, type Plugin, Registry } from './registry/registry.js';
export {
  reluActivation,
  type SequentialActivation,
  type SequentialLayer,
  SequentialModel,
  type SequentialOperation,
  type WriteSequential,
} from './sequential/sequential-model.js';
export {
  MOST_STEPS,
  type RowForm,
  roundRows,
  rowScales,
  rowValues,
  whyNotHeld,
} from './storage/rounded-rows.js';
export { type RoundingEnergies, relativeRounding, roundingEnergies } from './storage/rounding-error.js';
export { type StorageResult, type StoreWeightsOptions, storeWeights } from './storage/store-weights.js';
export { columnReaders } from './widths/column-readers.js';
export { findWidths, type Width, type Widths } from './widths/find-widths.js';
export { type NarrowedLayer, type Narrowing, narrow } from './widths/narrow.js';
export { narrowedValues } from './widths/narrowed-values.js';
export { productsPerSample } from './widths/products-per-sample.js';
export { type Both, findBoth, namesOfBoth, ratiosApart, selectBoth } from './widths/select-both.js';
export { selectWidths, type WidthsMeant } from './widths/select-widths.js';
export { unreached } from './widths/unreached.js';
