/** Inputs on which a compressed model is compared with the original, and which no refit has seen. */
import type { CalibrationInputs, Model } from '@spherize/core';
import { unseenInputs as generatedUnseen, unseenSamples } from '@spherize/core/evaluation';
import { requireMemory } from '@spherize/files';
import type { OpenCalibration } from './open-calibration.js';

export interface UnseenOptions {
  readonly seed: number;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
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
  { seed, mean, std }: UnseenOptions,
): Promise<CalibrationInputs> {
  const others = calibration?.others(unseenSamples(macs));
  return others ?? generatedUnseen(model, macs, { seed, mean, std, requireMemory });
}
