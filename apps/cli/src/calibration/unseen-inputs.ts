/** Inputs on which a compressed model is compared with the original, and which no refit has seen. */
import type { CalibrationInputs, Model } from '@spherize/core';
import { unseenInputs as generatedUnseen, unseenSamples } from '@spherize/core/evaluation';
import { requireMemory } from '@spherize/files';
import type { OpenCalibration } from './open-calibration.js';

export interface UnseenOptions {
  readonly seed: number;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** Whether as many samples of the calibration data have chosen ratios already: others are taken, where there are enough. */
  readonly again?: boolean | undefined;
}

/**
 * Samples of the calibration data that it did not take, where there are any; else others than generated ones with the same seed.
 *
 * @param macs of one sample, where they are known
 */
export async function unseenInputs(
  model: Model,
  calibration: OpenCalibration | undefined,
  macs: number | null,
  { seed, mean, std, again = false }: UnseenOptions,
): Promise<CalibrationInputs> {
  const samples = unseenSamples(macs);
  const others = calibration?.others(samples, again ? samples : 0);
  return others ?? generatedUnseen(model, macs, { seed, mean, std, requireMemory });
}
