/** Trials: compressions of a model that share all work, and what they are compared on. */
export { boundaryInputs } from './boundary-inputs.js';
export { GENERATED_PROBES, OutputProbe, type ProbeOptions, type ProbeResult } from './output-probe.js';
export { RecordedData } from './recorded-data.js';
export { type TrialMethod, type TrialOptions, Trials } from './trials.js';
