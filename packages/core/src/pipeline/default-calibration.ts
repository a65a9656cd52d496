import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { evolvedInputs } from '../calibration/evolved-inputs.js';
import { defaultSamples } from '../calibration/generated-inputs.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';

/** Generated inputs for a model; undefined where none can be made up: several inputs, whole numbers that are no images, free axes. */
export function defaultCalibration(model: Model, seed: number): CalibrationInputs | undefined {
  const [input, second] = model.inputs;
  if (input === undefined || second !== undefined) return undefined;
  try {
    return evolvedInputs(model, input, { samples: defaultSamples(input), seed });
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
