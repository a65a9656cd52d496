/** What running a model takes, in counts of which a runtime's time is about a weighted sum. */

/** Counts of one run, that of one sample. Larger batches take more of all but weights and operations. */
export interface ModelWork {
  /** Multiply-accumulates of products and convolutions, those of two computed tensors among them. */
  readonly multiplies: number;
  /** Multiply-accumulates of filters that see one channel each. */
  readonly depthwise: number;
  /** Values of weights that are read. */
  readonly weights: number;
  /** Values that operations write. */
  readonly values: number;
  /** Operations that compute or move values. */
  readonly operations: number;
  /** Runs: 1. */
  readonly runs: number;
}

/** Nanoseconds that each unit of work takes, 0 or more. */
export type LatencyModel = Readonly<Record<keyof ModelWork, number>>;

/** All kinds of work, in the order in which they are told. */
export const KINDS_OF_WORK: readonly (keyof ModelWork)[] = [
  'multiplies',
  'depthwise',
  'weights',
  'values',
  'operations',
  'runs',
];

/** The time that some work takes, in milliseconds. */
export function predictedMs(work: ModelWork, latency: LatencyModel): number {
  return KINDS_OF_WORK.reduce((sum, kind) => sum + work[kind] * latency[kind], 0) / 1e6;
}
