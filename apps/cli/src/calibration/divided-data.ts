/** Data that both refit a model and measure it, each with samples of its own. */
import { type Model, Random } from '@spherize/core';
import { CHOOSING_PART } from '@spherize/core/allocation';
import { dataPart, type LabelledData } from '@spherize/core/evaluation';
import type { Dataset } from '../data/dataset.js';
import { calibrationOf, DEFAULT_SAMPLES, type OpenCalibration } from './open-calibration.js';

/** Fewer samples are too few to refit on. */
const LEAST = 128;

export interface DividedData {
  readonly calibration: OpenCalibration;
  /** The samples that no refit sees. */
  readonly measured: LabelledData;
}

/**
 * Takes samples for the refit from every n-th of some data, the part that a search for the largest drop chooses by: by the others it decides.
 *
 * @param samples at most so many, chosen by the seed
 * @returns undefined where they would be too few to refit on
 */
export async function dividedData(
  model: Model,
  data: Dataset,
  { seed, samples = DEFAULT_SAMPLES.data }: { readonly seed: number; readonly samples?: number | undefined },
): Promise<DividedData | undefined> {
  const positions = Array.from({ length: data.samples }, (_, i) => i);
  const every = positions.filter((i) => i % CHOOSING_PART === 0);
  const rest = positions.filter((i) => i % CHOOSING_PART !== 0);
  if (every.length < LEAST) return undefined;
  const chosen = Array.from(new Random(seed).sample(every.length, samples), (i) => every[i]!);
  const digest = `${await data.digest()} every ${CHOOSING_PART}`;
  return {
    calibration: calibrationOf(model, data, { chosen, rest, digest, seed }),
    measured: dataPart(data, rest),
  };
}
