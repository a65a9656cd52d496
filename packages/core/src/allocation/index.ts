/** Allocation: a ratio per layer from measured curves, and targets that a compressed model is to reach. */
export {
  type Allocation,
  allocateRatios,
  type CurvePoint,
  type LayerCurve,
  smallestAllocation,
} from './allocate-ratios.js';
export type { AmountOf, WidthAllocation, WidthPath } from './allocate-widths.js';
export { type AmountOptions, timeOf } from './amounts.js';
export { type BothPathOptions, bothPath } from './both-path.js';
export { type BothTarget, type BothToTargetOptions, bothToTarget } from './both-to-target.js';
export { type ColumnAllocation, type ColumnPath, type ColumnPathOptions, columnPath } from './column-path.js';
export { type ColumnsToErrorOptions, columnsToError, type ErrorReached } from './columns-to-error.js';
export {
  type CompressToTargetOptions,
  compressToTarget,
  type MeasuredTimes,
  type Target,
  type TargetReached,
  type TargetReport,
} from './compress-to-target.js';
export { defaultReduction } from './default-reduction.js';
export { fitLatencyModel, type MeasuredWork } from './fit-latency-model.js';
export { lightestStorage } from './lightest-storage.js';
export {
  CURVE_RATIOS,
  lossCurves,
  type MeasureCurvesOptions,
  type MeasuredCurve,
  type MeasuredPoint,
  measureCurves,
} from './measure-curves.js';
export { type MeasureLatencyOptions, measureLatency } from './measure-latency.js';
export {
  type MeasureWidthsOptions,
  measureWidths,
  type WidthCurve,
  type WidthPoint,
} from './measure-widths.js';
export { type Measurements, memoryMeasurements } from './measurements.js';
export { workOf } from './model-work.js';
export { type NarrowedReport, type NarrowToTargetOptions, narrowToTarget } from './narrow-to-target.js';
export { narrowedShape } from './narrowed-shape.js';
export {
  DEFAULT_MAX_ERROR,
  LANES,
  type NarrowingPathOptions,
  type NarrowTarget,
  narrowingPath,
} from './narrowing-path.js';
export { type Budget, type Reached, reachBudget } from './reach-budget.js';
export {
  type CandidateHits,
  CHOOSING_PART,
  type DropBudget,
  requireEnoughSamples,
  strongestWithinDrop,
  type WithinDrop,
} from './within-drop.js';
