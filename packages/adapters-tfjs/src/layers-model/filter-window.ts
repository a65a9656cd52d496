/** Where a convolution of a LayersModel looks. */
import type { FilterWindow } from '@spherize/core';
import { count, type Json, type JsonObject } from '../artifacts/json.js';
import { channelsLast } from './classes/shape-rules.js';

/**
 * @param shape of its kernel, the window first
 * @param back whether it is transposed
 * @returns the reason where its columns cannot be clustered, as the end of a sentence
 */
export function filterWindow(
  config: JsonObject,
  shape: readonly number[],
  back: boolean,
): FilterWindow | string {
  const kernel = shape.slice(0, -2);
  if (kernel.length === 0 || shape.includes(0)) return `its filters have shape [${shape.join(', ')}]`;
  if (!channelsLast(config)) return 'it is channels-first';
  const axes = kernel.length;
  const [strides, dilations] = [sizesOf(config.strides, axes), sizesOf(config.dilation_rate, axes)];
  if (strides === undefined || dilations === undefined) return 'its strides are no whole numbers';
  if (back && dilations.some((step) => step !== 1))
    return 'it is dilated, which TensorFlow.js takes no notice of';
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]!);
  // TensorFlow.js makes `stride` places of each position at least.
  const behind = kernel.map((size, axis) => (back ? Math.min(0, size - strides[axis]!) : 0));
  const pads = {
    same: 'same-upper' as const,
    valid: behind.map((zeros) => [0, zeros] as const),
    causal: reach.map((size) => [size, 0] as const),
  }[String(config.padding ?? 'valid')];
  if (pads === undefined) return `its padding ${JSON.stringify(config.padding)} is not known`;
  return { kernel, strides, dilations, pads, ...(back && { back }), channels: 'last' };
}

/** One number for all axes, or one each; ones where nothing is said. */
function sizesOf(value: Json | undefined, axes: number): number[] | undefined {
  const list = Array.isArray(value) ? value : Array<Json>(axes).fill(value ?? 1);
  const sizes = list.slice(0, axes).map((size) => count(size));
  return sizes.length === axes && !sizes.includes(undefined) ? (sizes as number[]) : undefined;
}
