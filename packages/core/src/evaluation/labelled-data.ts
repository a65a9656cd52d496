import type { Tensor } from '../format/model-format.js';

/** Labelled samples that are read batch by batch: the same ones at every call. */
export interface LabelledData {
  /** What they are, for messages and reports. */
  readonly name: string;
  readonly samples: number;
  /** The output that the labels are compared with; when left out, as `scoresOutput` finds it. */
  readonly scores?: string | undefined;
  /** Reads the samples at some positions, in this order; each is below `samples`. */
  batch(positions: readonly number[]): Promise<LabelledBatch>;
}

/** Some samples, ready for the model. */
export interface LabelledBatch {
  /** Tensors by the name of the model's input, already scaled and normalised where that takes floats. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The class index of each sample, of shape `[count]`, never negative. */
  readonly labels: Int32Array;
}

/** The positions of consecutive samples. */
export function consecutive(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}
