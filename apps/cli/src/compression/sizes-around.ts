/** What less and more of the same compression would have given: points of a curve, for a report. */
import {
  type CompressedModel,
  type CompressModelOptions,
  compressModel,
  InputError,
  type Model,
} from '@spherize/core';
import { fidelityTo, type RecordedOutputs } from '@spherize/core/evaluation';
import { writtenBytes } from '../footprint/written-bytes.js';
import type { Phases } from '../terminal/phases.js';

/** How many times as much leaves each width, in other sizes. */
const TIMES: readonly number[] = [0.5, 0.75, 1.15];
/** Of each width something stays. */
const MOST = 0.98;

/** The model at one other size. */
export interface MeasuredSize {
  /** How many times as much left every width. */
  readonly times: number;
  readonly bytes: number;
  /** On the inputs of the record. */
  readonly error: number;
  /** Null where no output looks like the scores of classes. */
  readonly agreement: number | null;
}

/** What is measured, and where the bar stands meanwhile. */
export interface SizesOptions {
  readonly recorded: RecordedOutputs;
  /** For the file's name. */
  readonly output: string;
  readonly phases: Phases;
  readonly from: number;
  readonly to: number;
}

/**
 * Compresses a model anew with less and with more taken from every width than a result lost, in the same proportions.
 *
 * @param options those that the result was made with
 * @returns nothing where no outputs can be compared; without the sizes that cannot be made
 */
export async function sizesAround(
  model: Model,
  { reductions }: CompressedModel,
  options: CompressModelOptions,
  { recorded, output, phases, from, to }: SizesOptions,
): Promise<MeasuredSize[]> {
  const taken = reductions.filter((width) => width.to < width.from);
  const sizes: MeasuredSize[] = [];
  if (recorded.batches.length === 0 || taken.length === 0) return sizes;
  const part = (to - from) / TIMES.length;
  for (const [i, times] of TIMES.entries()) {
    const ratio = new Map(
      taken.map(({ width, ...size }) => [width, Math.min(MOST, times * (1 - size.to / size.from))]),
    );
    try {
      const { model: smaller } = await phases.part(from + i * part, from + (i + 1) * part, (onProgress) =>
        compressModel(model, { ...options, ratio, prove: false, onProgress }),
      );
      const { outputError, agreement } = await fidelityTo(recorded, smaller, options);
      if (outputError !== null)
        sizes.push({ times, bytes: await writtenBytes(smaller, output), error: outputError, agreement });
    } catch (error) {
      // Less taken may want more memory than there is.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return sizes;
}
