/** Running models on data: accuracy and latency. */
export { AccuracyCount, classesOf, labelRanks } from './accuracy.js';
export { parseClassNames } from './class-names.js';
export { dataPart, splitEvery } from './data-part.js';
export { EVALUATION_BATCH, type EvaluateOptions, evaluateModel } from './evaluate-model.js';
export { consecutive, type LabelledBatch, type LabelledData } from './labelled-data.js';
export { type ComparedLatency, compareLatency, type Latency, summary, type TimedRun } from './latency.js';
export { ModelRunner, singleInput } from './model-runner.js';
export {
  type FidelityOptions,
  fidelityTo,
  type OutputFidelity,
  outputFidelity,
  type RecordedOutputs,
  recordOutputs,
} from './output-fidelity.js';
export { accuracyDrop, accuracyDropBound, type PairedHits } from './paired-drop.js';
export { samplesPerRun } from './run-size.js';
export { type UnseenInputsOptions, unseenInputs, unseenSamples } from './unseen-inputs.js';
export { isFaster, isSlower, timedInputs, type WholeLatencyOptions, wholeLatency } from './whole-latency.js';
