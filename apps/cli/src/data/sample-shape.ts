/**
 * Whether the samples of a data set are what a model takes, and under which shape they are handed over.
 */
import { InputError } from '@spherize/core';

/** The shape of a model's input without its batch axis; `undefined` marks an axis of any length. */
export type InputShape = readonly (number | undefined)[];

/** Returns the number of elements that an array of this shape holds; 1 for no axes at all. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * The axis of a sample that holds the channels: the last of images with 1, 3 or 4 channels there and not in front, otherwise the first.
 */
export function channelAxis(sample: InputShape): number {
  const holdsChannels = (length: number | undefined) => length === 1 || length === 3 || length === 4;
  return sample.length === 3 && holdsChannels(sample[2]) && !holdsChannels(sample[0]) ? 2 : 0;
}

/** Writes a shape as `[3, any, any]`. */
export function formatShape(shape: InputShape): string {
  return `[${shape.map((length) => length ?? 'any').join(', ')}]`;
}

/**
 * Gives samples of shape `own` the shape that the model wants, if that needs no reordering of elements.
 *
 * That is so when the axes agree one by one, when the model takes a flat vector of equally many elements, or when
 * the shapes differ only in axes of length 1 (`[1, 28, 28]` for a channels-last `[28, 28, 1]`).
 *
 * @throws InputError naming both shapes when they do not fit.
 */
export function fitSampleShape(own: readonly number[], wanted: InputShape | undefined): readonly number[] {
  if (wanted === undefined) return own;
  if (agrees(own, wanted)) return own;
  if (wanted.length === 1 && agrees([elementCount(own)], wanted)) return [elementCount(own)];
  const known = wanted.filter((length) => length !== undefined);
  if (known.length === wanted.length && agrees(withoutUnitAxes(own), withoutUnitAxes(known))) return known;
  throw new InputError(
    'BAD_ARGUMENT',
    `data: samples have shape ${formatShape(own)} but the model takes ${formatShape(wanted)}; give data made for this model`,
  );
}

function agrees(own: readonly number[], wanted: InputShape): boolean {
  return (
    own.length === wanted.length && wanted.every((length, i) => length === undefined || length === own[i])
  );
}

function withoutUnitAxes(shape: readonly number[]): readonly number[] {
  return shape.filter((length) => length !== 1);
}
