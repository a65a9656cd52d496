/** What the page and the command take alike: seeds, memory, inputs that are made up. */
import {
  type CalibrationInputs,
  evolvedInputs,
  type LongRunOptions,
  type Model,
  partOf,
  settledInputs,
} from '@spherize/core';
import type { InputSettings } from '../protocol.js';

/** The command's default. */
export const SEED = 0;
/** What refits may record; what is larger is refused with the reason. */
export const MEMORY: number = 2 ** 30;

/** Share of the time of measuring or compressing after which inputs are made up, about. */
export const MADE_UP = 0.15;

/** The last that were made up for a model, and from what. */
const made = new WeakMap<Model, { readonly key: string; readonly inputs: CalibrationInputs }>();

/** Inputs on which layers are refitted, made up once for measuring and compressing; `none` where there are none. */
export async function calibrationOf(
  model: Model,
  { samples, mean, std }: InputSettings,
  onProgress: LongRunOptions['onProgress'],
): Promise<CalibrationInputs | 'none'> {
  if (samples === 0 || model.inputs.length === 0) return 'none';
  const key = JSON.stringify({ samples, mean, std });
  const last = made.get(model);
  if (last?.key === key) return last.inputs;
  const settled = await settledInputs(model);
  const making = { samples, seed: SEED, mean, std, onProgress: partOf(onProgress, 0, MADE_UP) };
  const inputs = evolvedInputs(model, settled, making);
  // They are made when they are first asked for: now, before other work tells its own progress.
  for await (const _ of inputs.batches()) break;
  made.set(model, { key, inputs });
  return inputs;
}
