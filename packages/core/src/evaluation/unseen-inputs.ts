/** Inputs on which a compressed model is compared with the original, and which no refit on generated inputs has seen. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { type GeneratedInputsOptions, generatedInputs } from '../calibration/generated-inputs.js';
import { fixedBatch } from '../calibration/input-shapes.js';
import { settledInputs } from '../calibration/settled-inputs.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import { type RequireMemory, randomInputs, widestReach } from '../proof/random-inputs.js';

/** The most samples, the fewest, and multiply-accumulates beyond which there are fewer. */
const SAMPLES = { most: 400, fewest: 16, macs: 5e10 } as const;

export interface UnseenInputsOptions extends Pick<GeneratedInputsOptions, 'mean' | 'std'> {
  /** That of the calibration. */
  readonly seed: number;
  /** Asked before random inputs are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** How many samples tell enough, and do not take too long. @param macs of one, where they are known */
export function unseenSamples(macs: number | null): number {
  return Math.min(SAMPLES.most, Math.max(SAMPLES.fewest, Math.floor(SAMPLES.macs / (macs || 1))));
}

/**
 * Generated images or vectors, others than calibration with the same seed takes; else random values for all inputs.
 *
 * @param macs multiply-accumulates of one sample, where they are known
 */
export async function unseenInputs(
  model: Model,
  macs: number | null,
  { seed, mean, std, requireMemory }: UnseenInputsOptions,
): Promise<CalibrationInputs> {
  try {
    const inputs = await settledInputs(model);
    return generatedInputs(inputs, { samples: unseenSamples(macs), seed: seed + 1, mean, std });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
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
