/**
 * From stored pixels to the numbers a network was trained on: `(x / divisor − mean) / std`, per channel.
 *
 * Every step is rounded to float32, in this order, as a float32 tensor library does. The values are therefore
 * the same to the last bit.
 */
import { InputError } from '@spherize/core';
import type { DatasetOptions } from './dataset.js';

/** The constants of `(x / divisor − mean[c]) / std[c]`. */
export interface Normalization {
  /** 255 for bytes, which span [0, 255]; 1 for data that is taken as is. */
  readonly divisor: number;
  /** Of shape `[channels]`. */
  readonly mean: Float32Array;
  /** Of shape `[channels]`, each above 0. */
  readonly std: Float32Array;
}

/** Where the channels and pixels of one sample lie in a flat array. */
export interface PixelLayout {
  /** The index of the first value. */
  readonly offset: number;
  /** The distance between the same pixel's values in two consecutive channels. */
  readonly channelStride: number;
  /** The distance between two consecutive pixels of one channel. */
  readonly pixelStride: number;
}

/**
 * Prepares the normalisation of samples with this many channels.
 *
 * @param bytes whether the data are bytes, to be scaled to [0, 1] first.
 * @throws InputError when a mean or std is not finite, a std not above 0, or their count neither 1 nor `channels`.
 */
export function createNormalization(
  channels: number,
  bytes: boolean,
  options: Pick<DatasetOptions, 'mean' | 'std'>,
): Normalization {
  const mean = perChannel('mean', options.mean ?? [0], channels);
  const std = perChannel('std', options.std ?? [1], channels);
  const bad = std.find((value) => value <= 0);
  if (bad !== undefined) throw new InputError('BAD_ARGUMENT', `data: every std must be above 0, got ${bad}`);
  return { divisor: bytes ? 255 : 1, mean, std };
}

/** Normalises one sample of `pixels` pixels per channel into `target` from `start`, as `[channels, pixels]`. */
export function normalizeSample(
  normalization: Normalization,
  source: ArrayLike<number>,
  layout: PixelLayout,
  pixels: number,
  target: Float32Array,
  start: number,
): void {
  const { divisor, mean, std } = normalization;
  for (let channel = 0; channel < mean.length; channel++) {
    const shift = mean[channel]!;
    const scale = std[channel]!;
    let from = layout.offset + channel * layout.channelStride;
    let to = start + channel * pixels;
    for (const end = to + pixels; to < end; to++, from += layout.pixelStride) {
      target[to] = Math.fround(Math.fround(Math.fround(source[from]!) / divisor) - shift) / scale;
    }
  }
}

/** Normalises one sample of interleaved channels into `target` from `start`, in the same order. */
export function normalizeInterleaved(
  { divisor, mean, std }: Normalization,
  source: ArrayLike<number>,
  target: Float32Array,
  start: number,
): void {
  const channels = mean.length;
  for (let i = 0; i < source.length; i++) {
    const c = i % channels;
    target[start + i] = Math.fround(Math.fround(Math.fround(source[i]!) / divisor) - mean[c]!) / std[c]!;
  }
}

function perChannel(name: string, values: readonly number[], channels: number): Float32Array {
  if (values.length !== 1 && values.length !== channels) {
    const accepted = channels === 1 ? '1 number' : `1 or ${channels} numbers`;
    throw new InputError(
      'BAD_ARGUMENT',
      `data: ${name} must have ${accepted}, for as many channels, got ${values.length}`,
    );
  }
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new InputError('BAD_ARGUMENT', `data: every ${name} must be a finite number, got ${bad}`);
  }
  return Float32Array.from({ length: channels }, (_, channel) => values[channel % values.length]!);
}
