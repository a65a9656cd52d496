/** What the page and the command take alike: seeds, memory, inputs that are made up. */
import { type CalibrationInputs, evolvedInputs, type Model, settledInputs } from '@spherize/core';
import type { InputSettings } from '../protocol.js';

/** The command's default. */
export const SEED = 0;
/** What refits may record; what is larger is refused with the reason. */
export const MEMORY: number = 2 ** 30;

/** Inputs on which layers are refitted; `none` where there are none. */
export async function calibrationOf(
  model: Model,
  { samples, mean, std }: InputSettings,
): Promise<CalibrationInputs | 'none'> {
  if (samples === 0 || model.inputs.length === 0) return 'none';
  return evolvedInputs(model, await settledInputs(model), { samples, seed: SEED, mean, std });
}
