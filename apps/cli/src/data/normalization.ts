/**
 * From stored pixels to the numbers a network was trained on: `(x / divisor − mean) / std`, per channel.
 *
 * For float32 inputs every step is rounded to float32, in this order, as a float32 tensor library does. The values are
 * therefore the same to the last bit. Inputs of whole numbers get the values as they are stored.
 */
import { InputError, isFloat, type Tensor } from '@spherize/core';
import type { DatasetOptions } from './dataset.js';

/** The constants of `(x / divisor − mean[c]) / std[c]`. */
export interface Normalization {
  /** 255 for bytes that become floats; 1 for data that is taken as is. */
  readonly divisor: number;
  /** Of shape `[channels]`. */
  readonly mean: Float32Array;
  /** Of shape `[channels]`, each above 0. */
  readonly std: Float32Array;
  /** Applied after every step. */
  readonly round: (value: number) => number;
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
 * @param bytes whether the data are bytes, to be scaled to [0, 1] first where the model takes floats
 * @throws InputError when a mean or std is not finite, a std not above 0, their count neither 1 nor `channels`, or one of them is
 * given for an input of whole numbers
 */
export function createNormalization(
  channels: number,
  bytes: boolean,
  options: Pick<DatasetOptions, 'mean' | 'std' | 'type'>,
): Normalization {
  const { type = 'float32' } = options;
  if (!isFloat(type) && (options.mean !== undefined || options.std !== undefined))
    throw new InputError(
      'BAD_ARGUMENT',
      `data: the model takes ${type}, values as they are stored: leave out --mean and --std, which are for floats`,
    );
  const mean = perChannel('mean', options.mean ?? [0], channels);
  const std = perChannel('std', options.std ?? [1], channels);
  const bad = std.find((value) => value <= 0);
  if (bad !== undefined) throw new InputError('BAD_ARGUMENT', `data: every std must be above 0, got ${bad}`);
  const single = type === 'float32' || type === 'float16';
  return {
    divisor: bytes && isFloat(type) ? 255 : 1,
    mean,
    std,
    round: single ? Math.fround : (value) => value,
  };
}

/** Normalises one sample of `pixels` pixels per channel into `target` from `start`, as `[channels, pixels]`. */
export function normalizeSample(
  normalization: Normalization,
  source: ArrayLike<number>,
  layout: PixelLayout,
  pixels: number,
  target: Tensor['data'],
  start: number,
): void {
  const { divisor, mean, std, round } = normalization;
  for (let channel = 0; channel < mean.length; channel++) {
    const shift = mean[channel]!;
    const scale = std[channel]!;
    let from = layout.offset + channel * layout.channelStride;
    let to = start + channel * pixels;
    for (const end = to + pixels; to < end; to++, from += layout.pixelStride) {
      target[to] = round(round(round(source[from]!) / divisor) - shift) / scale;
    }
  }
}

/** Normalises one sample of interleaved channels into `target` from `start`, in the same order. */
export function normalizeInterleaved(
  { divisor, mean, std, round }: Normalization,
  source: ArrayLike<number>,
  target: Tensor['data'],
  start: number,
): void {
  const channels = mean.length;
  for (let i = 0; i < source.length; i++) {
    const c = i % channels;
    target[start + i] = round(round(round(source[i]!) / divisor) - mean[c]!) / std[c]!;
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
