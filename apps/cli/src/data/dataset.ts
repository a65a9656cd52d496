/**
 * What the commands need of a data set: how many samples, their shape, and one batch at a time.
 *
 * The order of the samples is fixed by the source alone, so the same spec and limit always give the same batches.
 */
import { InputError } from '@spherize/core';

/** A labelled data set that is read batch by batch. */
export interface Dataset {
  /** The specification as typed, such as `folder:photos/val`. */
  readonly name: string;
  /** The number of samples, after the limit. */
  readonly samples: number;
  /** The shape of one sample: `[channels, height, width]`, or `[features]`. */
  readonly shape: readonly number[];
  /** SHA-256 of what is stored of these samples and their labels, in hex digits; normalisation is not part of it. */
  digest(): Promise<string>;
  /**
   * Reads the samples `start` to `start + count`, which must lie inside the data set (RangeError otherwise).
   *
   * @throws InputError when a file that is only read now turns out to be damaged.
   */
  batch(start: number, count: number): Promise<Batch>;
}

/** Consecutive samples of a data set, ready for the model. */
export interface Batch {
  /** Row-major, of shape `[count, ...shape]`, already scaled and normalised. */
  readonly inputs: Float32Array<ArrayBuffer>;
  /** The class index of each sample, of shape `[count]`, never negative. */
  readonly labels: Int32Array;
}

/** How a data set is cut and normalised, and what it must look like. */
export interface DatasetOptions {
  /** The shape of the model's input without its batch axis; `undefined` marks an axis of any length. */
  readonly sampleShape?: readonly (number | undefined)[];
  /** How many samples to take, from the first. Default: all. */
  readonly limit?: number;
  /** Subtracted from the pixels after scaling them to [0, 1]: one number, or one per channel. Default: 0. */
  readonly mean?: readonly number[];
  /** Divides what is left after subtracting the mean: one number, or one per channel. Default: 1. */
  readonly std?: readonly number[];
}

/**
 * Returns how many of the available samples a limit leaves.
 *
 * @throws InputError when the limit is not a positive integer.
 */
export function limitedCount(available: number, limit: number | undefined): number {
  if (limit === undefined) return available;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new InputError('BAD_ARGUMENT', `data: the limit must be an integer of at least 1, got ${limit}`);
  }
  return Math.min(available, limit);
}

/** Throws a RangeError unless the batch lies inside the data set. */
export function assertBatchInside(samples: number, start: number, count: number): void {
  const whole = Number.isInteger(start) && Number.isInteger(count);
  if (!whole || start < 0 || count < 0 || start + count > samples) {
    throw new RangeError(`batch of ${count} samples from ${start} is outside the data set of ${samples}`);
  }
}
