/** Where a convolution of a LayersModel looks. */
import type { FilterWindow } from '@spherize/core';
import { count, type Json, type JsonObject } from '../artifacts/json.js';
import { channelsLast } from './classes/shape-rules.js';

/**
 * @param shape of its kernel, `[…window, inputs, outputs]`
 * @returns the reason where its columns cannot be clustered, as the end of a sentence
 */
export function filterWindow(config: JsonObject, shape: readonly number[]): FilterWindow | string {
  const kernel = shape.slice(0, -2);
  if (kernel.length === 0 || shape.includes(0)) return `its filters have shape [${shape.join(', ')}]`;
  if (!channelsLast(config)) return 'it is channels-first';
  const axes = kernel.length;
  const [strides, dilations] = [sizesOf(config.strides, axes), sizesOf(config.dilation_rate, axes)];
  if (strides === undefined || dilations === undefined) return 'its strides are no whole numbers';
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]!);
  const pads = {
    same: 'same-upper' as const,
    valid: kernel.map(() => [0, 0] as const),
    causal: reach.map((size) => [size, 0] as const),
  }[String(config.padding ?? 'valid')];
  if (pads === undefined) return `its padding ${JSON.stringify(config.padding)} is not known`;
  return { kernel, strides, dilations, pads, channels: 'last' };
}

/** One number for all axes, or one each; ones where nothing is said. */
function sizesOf(value: Json | undefined, axes: number): number[] | undefined {
  const list = Array.isArray(value) ? value : Array<Json>(axes).fill(value ?? 1);
  const sizes = list.slice(0, axes).map((size) => count(size));
  return sizes.length === axes && !sizes.includes(undefined) ? (sizes as number[]) : undefined;
}
