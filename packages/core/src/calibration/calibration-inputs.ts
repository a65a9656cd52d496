import type { Tensor } from '../format/model-format.js';

/** Unlabelled inputs on which layers are refitted. */
export interface CalibrationInputs {
  /** What they are, for reports: `generated`, `folder:photos`. */
  readonly name: string;
  /** The number of samples in all batches. */
  readonly samples: number;
  /**
   * Tensors by the name of the model's input, batch by batch: the same ones in the same order at every call.
   *
   * @param signal ends what has to be computed before the first batch
   */
  batches(signal?: AbortSignal): AsyncIterable<Readonly<Record<string, Tensor>>>;
}

/** Samples in a batch. */
export function samplesOf(feeds: Readonly<Record<string, Tensor>>): number {
  return Object.values(feeds)[0]?.shape[0] ?? 1;
}
