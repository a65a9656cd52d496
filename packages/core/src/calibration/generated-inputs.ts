/**
 * Inputs made up for calibration where there are no data: smooth random images, or vectors of random numbers.
 */
import { InputError } from '../errors.js';
import type { TensorInfo } from '../format/model-format.js';
import { Random } from '../random.js';
import type { CalibrationInputs } from './calibration-inputs.js';
import { smoothNoise } from './smooth-noise.js';

export interface GeneratedInputsOptions {
  readonly samples: number;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Subtracted from pixels in [0, 1], one number or one per channel. Default 0. */
  readonly mean?: readonly number[] | undefined;
  /** Divides them afterwards. Default 1. */
  readonly std?: readonly number[] | undefined;
  /** Samples at a time. Default 100. */
  readonly batch?: number | undefined;
}

/**
 * Random inputs for a model's input tensor, never stored: each sample depends on the seed and its own number alone.
 *
 * - `[N, C, H, W]` and `[N, H, W, C]` with 1, 3 or 4 channels: images in [0, 1], then `(x − mean)/std`. Each is a sum of smooth noise of
 *   several scales, thresholded softly into shapes and background, at a random contrast.
 * - any other shape: standard normal numbers.
 *
 * @throws InputError `UNSUPPORTED` for an input of whole numbers or with a free axis besides the first
 */
export function generatedInputs(input: TensorInfo, options: GeneratedInputsOptions): CalibrationInputs {
  const sample = sampleShape(input);
  const size = sample.reduce((product, length) => product * length, 1);
  const fill = sampleFiller(sample, options);
  const { samples, seed = 0 } = options;
  const batch = input.shape[0] ?? options.batch ?? 100;
  return {
    name: 'generated',
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += batch) {
        const count = input.shape[0] ?? Math.min(batch, samples - start);
        const data = new Float32Array(count * size);
        for (let i = 0; i < count; i++)
          fill(
            data.subarray(i * size, (i + 1) * size),
            new Random(Math.imul(seed + 1, 0x9e3779b1) ^ (start + i)),
          );
        yield { [input.name]: { shape: [count, ...sample], data } };
      }
    },
  };
}

function sampleShape(input: TensorInfo): number[] {
  if (input.integral)
    throw new InputError(
      'UNSUPPORTED',
      `calibration: input '${input.name}' holds whole numbers, which cannot be generated: give data`,
    );
  return input.shape.slice(1).map((length) => {
    if (length === undefined)
      throw new InputError(
        'UNSUPPORTED',
        `calibration: input '${input.name}' has axes of any length, inputs of which size cannot be generated: give data`,
      );
    return length;
  });
}

type Fill = (target: Float32Array, random: Random) => void;

function sampleFiller(sample: readonly number[], options: GeneratedInputsOptions): Fill {
  const channelAxis =
    sample.length === 3 ? [0, 2].find((axis) => [1, 3, 4].includes(sample[axis]!)) : undefined;
  if (channelAxis === undefined)
    return (target, random) =>
      target.forEach((_, i) => {
        target[i] = random.normal();
      });
  const channels = sample[channelAxis]!;
  const [height, width] = channelAxis === 0 ? [sample[1]!, sample[2]!] : [sample[0]!, sample[1]!];
  const pixels = height * width;
  const of = (values: readonly number[] | undefined, c: number, otherwise: number): number =>
    values ? values[c % values.length]! : otherwise;
  return (target, random) => {
    smoothImage(height, width, channels, random).forEach((plane, c) => {
      const start = channelAxis === 0 ? c * pixels : c;
      const step = channelAxis === 0 ? 1 : channels;
      const mean = of(options.mean, c, 0);
      const std = of(options.std, c, 1);
      for (let p = 0; p < pixels; p++) target[start + p * step] = (plane[p]! - mean) / std;
    });
  };
}

/** An image in [0, 1], one plane of `height × width` values per channel. */
function smoothImage(height: number, width: number, channels: number, random: Random): Float32Array[] {
  const longer = Math.max(height, width);
  const scale = (from: number, to: number): number => from * (to / from) ** random.uniform();
  const between = (from: number, to: number): number => from + (to - from) * random.uniform();
  // Broad shapes with edges of random sharpness, on a background of random darkness.
  const shape = smoothNoise(height, width, scale(1.5, longer / 4), random);
  const sharpness = scale(1, 20);
  const threshold = between(-1, 1);
  const texture = smoothNoise(height, width, scale(3, longer / 1.5), random);
  const strength = between(0, 0.5);
  const background = random.uniform() < 0.5 ? 0 : random.uniform();
  const planes: Float32Array[] = [];
  const light = between(0.2, 1);
  for (let c = 0; c < channels; c++) {
    const tint = channels === 1 ? light : Math.min(1, Math.max(0, light + between(-0.3, 0.3)));
    const ground = channels === 1 ? background : Math.min(1, Math.max(0, background + between(-0.2, 0.2)));
    planes.push(
      shape.map((value, p) => {
        const inside = 1 / (1 + Math.exp(-sharpness * (value - threshold)));
        const pixel = ground + (tint * (1 + strength * texture[p]!) - ground) * inside;
        return Math.min(1, Math.max(0, pixel));
      }),
    );
  }
  return planes;
}
