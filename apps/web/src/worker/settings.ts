/** What the page and the command take alike: seeds, memory, inputs that are made up. */
import {
  type CalibrationInputs,
  evolvedInputs,
  type LongRunOptions,
  type Model,
  settledInputs,
} from '@spherize/core';
import type { InputSettings } from '../protocol.js';

/** The command's default. */
export const SEED = 0;
/** What refits may record; what is larger is refused with the reason. */
export const MEMORY: number = 2 ** 30;

/** Inputs on which layers are refitted, made up; `none` where there are none. */
export async function calibrationOf(
  model: Model,
  { samples, mean, std }: InputSettings,
  onProgress?: LongRunOptions['onProgress'],
): Promise<CalibrationInputs | 'none'> {
  if (samples === 0 || model.inputs.length === 0) return 'none';
  const settled = await settledInputs(model);
  const inputs = evolvedInputs(model, settled, { samples, seed: SEED, mean, std, onProgress });
  // They are made when they are first asked for: now, before other work tells its own progress.
  for await (const _ of inputs.batches()) break;
  return inputs;
}
