/** Sweeps: accuracy over ratios, sparsities and clusterers. */
export { lowRankApproximation, rankForClusters } from '../reference/low-rank.js';
export {
  type Baseline,
  type LatencyFigures,
  type LayerFigures,
  largestLead,
  type MeanRow,
  meanOverSeeds,
  methodName,
  optionsText,
  type SweepResults,
  type SweepRow,
} from './results.js';
export { runSweep, type SweepOptions } from './run-sweep.js';
export {
  gridSettings,
  type Method,
  REFERENCES,
  type Reference,
  type SweepGrid,
  type SweepSetting,
} from './settings.js';
export {
  emptyContent,
  keepMeasured,
  type MeasuredRecord,
  memoryRecord,
  type SweepContent,
  type SweepRecord,
} from './sweep-record.js';
export { isNamedOption, NAMED_OPTIONS, withMethod } from './with-method.js';
