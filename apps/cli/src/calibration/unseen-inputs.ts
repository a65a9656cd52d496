/** Inputs on which a compressed model is compared with the original, and which no refit has seen. */
import { type CalibrationInputs, generatedInputs, InputError, type Model } from '@spherize/core';
import { fixedBatch, randomInputs, widestReach } from '@spherize/core/proof';
import { requireMemory } from '@spherize/files';
import type { OpenCalibration } from './open-calibration.js';

/** The most samples, the fewest, and multiply-accumulates beyond which there are fewer. */
const SAMPLES = { most: 400, fewest: 16, macs: 2e10 } as const;

export interface UnseenOptions {
  readonly seed: number;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** Whether as many samples of the calibration data have chosen ratios already: others are taken, where there are enough. */
  readonly again?: boolean | undefined;
}

/**
 * Samples of the calibration data that it did not take, where there are any; else generated images or vectors, others than calibration
 * with the same seed takes; else random values for all inputs.
 *
 * @param macs of one sample, where they are known
 */
export async function unseenInputs(
  model: Model,
  calibration: OpenCalibration | undefined,
  macs: number | null,
  { seed, mean, std, again = false }: UnseenOptions,
): Promise<CalibrationInputs> {
  const samples = Math.min(SAMPLES.most, Math.max(SAMPLES.fewest, Math.floor(SAMPLES.macs / (macs || 1))));
  const others = calibration?.others(samples, again ? samples : 0);
  if (others !== undefined) return others;
  const [input, second] = model.inputs;
  if (input !== undefined && second === undefined) {
    try {
      return generatedInputs(input, { samples, seed: seed + 1, mean, std });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  const batch = fixedBatch(model.inputs) ?? SAMPLES.fewest;
  // A model that runs on none of them shows when it is compared.
  const reach = await widestReach(model, seed + 1, requireMemory).catch(() => 'bit' as const);
  return {
    name: 'random',
    samples: batch,
    async *batches() {
      yield randomInputs(model.inputs, batch, seed + 1, { reach, requireMemory });
    },
  };
}
