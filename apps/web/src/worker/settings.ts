/** What the page and the command take alike: seeds, memory, inputs that are made up. */
import { type CalibrationInputs, evolvedInputs, type Model } from '@spherize/core';
import type { InputSettings } from '../protocol.js';

/** The command's default. */
export const SEED = 0;
/** What refits may record; what is larger is refused with the reason. */
export const MEMORY: number = 2 ** 30;

/** Inputs on which layers are refitted; `none` where there are none. */
export function calibrationOf(
  model: Model,
  { samples, mean, std }: InputSettings,
): CalibrationInputs | 'none' {
  const [input] = model.inputs;
  if (samples === 0 || input === undefined) return 'none';
  return evolvedInputs(model, input, { samples, seed: SEED, mean, std });
}
