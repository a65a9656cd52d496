/** Weights that are NaN or infinite are refused by name: nothing can be worked out from them. */
import { tensorIndex } from '@spherize/core';
import { badModel } from './bad-model.js';
import { floatValues, isFloat, type Weight } from './weights.js';

/** @throws InputError `BAD_FILE` with the weight's name and the first index of a value that is no finite number */
export function requireFinite(
  weight: Weight,
  isWrong: (value: number) => boolean = (value) => !Number.isFinite(value),
): void {
  if (!isFloat(weight)) return;
  const values = floatValues(weight);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // Zero for every finite value: a comparison instead of a call.
    if (value - value === 0 || !isWrong(value)) continue;
    const { name, shape } = weight.spec;
    throw badModel(
      `weight '${name}' has ${value} at [${tensorIndex(i, shape).join(', ')}], weights must be finite`,
    );
  }
}
