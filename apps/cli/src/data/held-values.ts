/**
 * Whether a model's input holds the values of some data: what would be rounded to a whole number, wrap around or overflow is refused.
 */
import { type ElementType, InputError, tensorIndex, valueRange } from '@spherize/core';
import type { StoredArray } from './array-dataset.js';
import type { Normalization } from './normalization.js';

/**
 * @throws InputError `BAD_FILE` for the first value that is NaN, infinite, or none that the type holds after normalisation;
 * `UNSUPPORTED` for a type that holds no numbers
 */
export function checkValues(
  { data, path, shape }: StoredArray,
  normalization: Normalization,
  type: ElementType = 'float32',
): void {
  const { least, most, whole } = requireNumbers(type);
  const holds = whole
    ? (value: number) => Number.isInteger(value) && value >= least && value <= most
    : floatsThatFit(normalization, most, type === 'float16' ? valueRange('float32')!.most : most);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (holds(value)) continue;
    const what = `${path}: has ${value} at [${tensorIndex(i, shape).join(', ')}]`;
    if (!Number.isFinite(value))
      throw new InputError('BAD_FILE', `${what}, inputs must be finite; repair or remove that sample`);
    throw new InputError(
      'BAD_FILE',
      whole
        ? `${what}, but the model takes whole numbers from ${least} to ${most} (${type}); give the values as they were before scaling`
        : `${what}, which becomes larger than the ${type} that the model takes; repair or scale the data`,
    );
  }
}

/** @throws InputError unless the type holds the bytes of images, which are scaled to [0, 1] for floats */
export function requireBytes(what: string, type: ElementType = 'float32'): void {
  const { least, most, whole } = requireNumbers(type);
  if (whole && most < 255)
    throw new InputError(
      'UNSUPPORTED',
      `${what}: pixels are 0 to 255, but the model takes whole numbers from ${least} to ${most} (${type}); give the data as npy:X.npy,Y.npy`,
    );
}

function requireNumbers(type: ElementType): NonNullable<ReturnType<typeof valueRange>> {
  const range = valueRange(type);
  if (range === undefined)
    throw new InputError(
      'UNSUPPORTED',
      `data: the model's input takes ${type}, data are numbers; give another model`,
    );
  return range;
}

/**
 * Normalisation keeps the order of numbers, so that the bounds of every channel say which fit.
 *
 * @param most the largest result
 * @param stored the largest number that it can start from
 */
function floatsThatFit(
  { divisor, mean, std }: Normalization,
  most: number,
  stored: number,
): (value: number) => boolean {
  const bound = (toward: 1 | -1): number =>
    mean.reduce((found, shift, c) => {
      const own = (toward * most * std[c]! + shift) * divisor;
      return toward > 0 ? Math.min(found, own) : Math.max(found, own);
    }, toward * stored);
  const [least, largest] = [bound(-1), bound(1)];
  return (value) => value >= least && value <= largest;
}
