/** What is left of a weight with values per feature. */
import { type NarrowedConstant, narrowedValues } from '@spherize/core';
import { storedAs } from './storage.js';
import { floatValues, type Weight } from './weights.js';

/** The places that are left along some axes, in the type that the weight is stored in. */
export function narrowedConstant(
  weight: Weight,
  { operation, ...left }: Omit<NarrowedConstant, 'slot'>,
): Weight {
  const { name, shape } = weight.spec;
  const { shape: after, values } = narrowedValues(floatValues(weight), shape, left);
  return storedAs(weight, operation, name, after, values);
}
