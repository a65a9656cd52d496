import type { LatencyModel } from '@spherize/core';

/** TensorFlow.js 4.22 on wasm, a core of an AMD EPYC, as `bench/zoo/latency.mjs` found it; bench/README.md says how well it tells times. */
export const LATENCY_MODEL: LatencyModel = {
  multiplies: 0.0902,
  depthwise: 0.141,
  weights: 2.62,
  values: 1.44,
  operations: 29_700,
  runs: 0,
};
