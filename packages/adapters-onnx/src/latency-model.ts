import type { LatencyModel } from '@spherize/core';

/** onnxruntime 1.30 on two cores of an AMD EPYC, one sample at a time, fitted by `bench/latency-model`: mean error of times 9 %, of ratios 11 %. */
export const LATENCY_MODEL: LatencyModel = {
  multiplies: 0.0237,
  depthwise: 0.0915,
  weights: 0.145,
  values: 0.0825,
  operations: 3310,
  runs: 20_800,
};
