/**
 * What the commands need of a data set: how many samples, their shape, and one batch at a time.
 *
 * The order of the samples is fixed by the source alone, so the same spec and limit always give the same batches.
 */
import { type ElementType, InputError } from '@spherize/core';
import type { LabelledBatch, LabelledData } from '@spherize/core/evaluation';

/** A labelled data set; its name is the specification as typed, such as `folder:photos/val`. */
export interface Dataset extends LabelledData {
  /** What is known of the classes of all samples, those beyond the limit too. */
  readonly classes: ClassCount;
  /** SHA-256 of what is stored of these samples and their labels, in hex digits; normalisation is not part of it. */
  digest(): Promise<string>;
  /**
   * Reads the samples at some positions, which must lie inside the data set (RangeError otherwise).
   *
   * @throws InputError when a file that is only read now turns out to be damaged.
   */
  batch(positions: readonly number[]): Promise<LabelledBatch>;
}

/** The labels of a data set are below `count`: so many folders or names there are, or the largest label is one less. */
export interface ClassCount {
  readonly count: number;
  readonly from: 'folders' | 'names' | 'labels';
}

/** A list of names from a file. */
export interface ClassNames {
  readonly path: string;
  readonly names: readonly string[];
}

/** How a data set is cut and normalised, and what it must look like. */
export interface DatasetOptions {
  /** The name of the model's input. Default: `input`. */
  readonly input?: string;
  /** The shape of the model's input without its batch axis; `undefined` marks an axis of any length. */
  readonly sampleShape?: readonly (number | undefined)[];
  /** What that input takes. Default `float32`. */
  readonly type?: ElementType | undefined;
  /** Added to every label. Default 0. */
  readonly labelOffset?: number;
  /** The names of the classes in the model's order, for folders. */
  readonly classNames?: ClassNames;
  /** The output that the labels are compared with. */
  readonly scores?: string;
  /** How many samples to take, from the first. Default: all. */
  readonly limit?: number;
  /** For floats: subtracted from the pixels after scaling them to [0, 1]: one number, or one per channel. Default: 0. */
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

/** Throws a RangeError unless all positions lie inside the data set. */
export function assertInside(samples: number, positions: readonly number[]): void {
  for (const position of positions)
    if (!Number.isInteger(position) || position < 0 || position >= samples)
      throw new RangeError(`sample ${position} is outside the data set of ${samples}`);
}
