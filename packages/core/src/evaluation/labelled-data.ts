import type { ElementType } from '../format/element-type.js';
import type { Tensor } from '../format/model-format.js';

/** Labelled samples that are read batch by batch: the same ones in the same order at every call. */
export interface LabelledData {
  /** What they are, for messages and reports. */
  readonly name: string;
  readonly samples: number;
  /** The shape of one sample: `[channels, height, width]`, or `[features]`. */
  readonly shape: readonly number[];
  /** What the model's input takes; float32 when left out. */
  readonly type?: ElementType | undefined;
  /** The output that the labels are compared with; when left out, as `scoresOutput` finds it. */
  readonly scores?: string | undefined;
  /** Reads the samples `start` to `start + count`, which lie inside the data. */
  batch(start: number, count: number): Promise<LabelledBatch>;
}

/** Consecutive samples, ready for the model. */
export interface LabelledBatch {
  /** Row-major, of shape `[count, ...shape]`, already scaled and normalised where the model takes floats. */
  readonly inputs: Tensor['data'];
  /** The class index of each sample, of shape `[count]`, never negative. */
  readonly labels: Int32Array;
}
