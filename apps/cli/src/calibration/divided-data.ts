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

/** How data are divided. */
export interface DivideOptions {
  readonly seed: number;
  /** For the refit, at most. Default 500. */
  readonly samples?: number | undefined;
  /** Whether a search for the largest drop follows, which chooses by every n-th sample and decides by the others. */
  readonly searched?: boolean | undefined;
}

/**
 * Sets a quarter of some data apart for the refit, drawn by the seed; for a search, the part that it chooses by, so that what it decides by stays
 * unseen.
 *
 * @returns undefined where they would be too few to refit on
 */
export async function dividedData(
  model: Model,
  data: Dataset,
  { seed, samples = DEFAULT_SAMPLES.data, searched = false }: DivideOptions,
): Promise<DividedData | undefined> {
  const positions = Array.from({ length: data.samples }, (_, i) => i);
  const order = searched ? positions : [...new Random(seed).sample(data.samples, data.samples)];
  const apart = new Set(order.filter((_, i) => i % CHOOSING_PART === 0));
  if (apart.size < LEAST) return undefined;
  const part = [...apart];
  const chosen = Array.from(new Random(seed).sample(part.length, samples), (i) => part[i]!);
  const rest = positions.filter((i) => !apart.has(i));
  const digest = `${await data.digest()} ${searched ? 'every' : 'a'} ${CHOOSING_PART}th`;
  return {
    calibration: calibrationOf(model, data, { chosen, rest, digest, seed }),
    measured: dataPart(data, rest),
  };
}
