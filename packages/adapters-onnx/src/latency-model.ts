import type { LatencyModel } from '@spherize/core';

/** onnxruntime 1.30 on two cores of an AMD EPYC, as `bench/zoo/latency.mjs` found it; bench/README.md says how well it tells times. */
export const LATENCY_MODEL: LatencyModel = {
  multiplies: 0.0329,
  depthwise: 0.056,
  weights: 0.117,
  values: 0,
  operations: 5580,
  runs: 11_700,
};
