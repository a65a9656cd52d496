import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { evolvedInputs } from '../calibration/evolved-inputs.js';
import { defaultSamples } from '../calibration/generated-inputs.js';
import { settledInputs } from '../calibration/settled-inputs.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';

/** Generated inputs for a model; undefined where none can be made up, or it runs on none of them: see `settledInputs`. */
export async function defaultCalibration(model: Model, seed: number): Promise<CalibrationInputs | undefined> {
  if (model.inputs.length === 0) return undefined;
  try {
    const inputs = await settledInputs(model);
    const samples = defaultSamples(inputs, await model.multiplyAccumulates?.(inputs));
    return evolvedInputs(model, inputs, { samples, seed });
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
