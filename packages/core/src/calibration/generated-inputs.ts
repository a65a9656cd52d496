/**
 * Inputs made up for calibration where there are no data: smooth random images, or vectors of random numbers.
 */
import { InputError } from '../errors.js';
import { type ElementType, isFloat, valueRange } from '../format/element-type.js';
import type { TensorInfo } from '../format/model-format.js';
import { Random } from '../random.js';
import type { CalibrationInputs } from './calibration-inputs.js';
import { imageLayout, type PixelNormalization, writeImage } from './image-layout.js';
import { smoothImage } from './smooth-image.js';

export interface GeneratedInputsOptions extends PixelNormalization {
  readonly samples: number;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Samples at a time. Default 100. */
  readonly batch?: number | undefined;
}

/**
 * Random inputs for a model's input tensor, never stored: each sample depends on the seed and its own number alone.
 *
 * - `[N, C, H, W]` and `[N, H, W, C]` with 1, 3 or 4 channels: images in [0, 1], then `(x − mean)/std`. Each is a sum of smooth noise of
 *   several scales, thresholded softly into shapes and background, at a random contrast.
 *   Where the input takes whole numbers, they are in 0 … 255, as stored in image files.
 * - any other shape: standard normal numbers.
 *
 * @throws InputError `UNSUPPORTED` for whole numbers that are no images and for free axes besides the first, and for a first axis of length 0,
 * `BAD_ARGUMENT` for a mean or std of whole numbers; while they are made, `UNSUPPORTED` for inputs that are too large
 */
export function generatedInputs(input: TensorInfo, options: GeneratedInputsOptions): CalibrationInputs {
  const sample = sampleShape(input);
  const size = sample.reduce((product, length) => product * length, 1);
  const fill = sampleFiller(sample, isFloat(input.type), options);
  const { samples, seed = 0, mean, std } = options;
  if (!isFloat(input.type) && (mean !== undefined || std !== undefined))
    throw new InputError(
      'BAD_ARGUMENT',
      `calibration: input '${input.name}' takes ${input.type}, pixels as they are stored: leave out the mean and std`,
    );
  const batch = input.shape[0] ?? options.batch ?? 100;
  if (batch === 0)
    throw new InputError(
      'UNSUPPORTED',
      `calibration: input '${input.name}' takes no samples: its first axis has length 0`,
    );
  return {
    name: 'generated',
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += batch) {
        const count = input.shape[0] ?? Math.min(batch, samples - start);
        const data = roomFor(input, count, size);
        for (let i = 0; i < count; i++)
          fill(data.subarray(i * size, (i + 1) * size), sampleRandom(seed, start + i));
        yield { [input.name]: { shape: [count, ...sample], data } };
      }
    },
  };
}

/** How many inputs are made up where nothing says it. */
export const GENERATED_SAMPLES = 1000;
/** The fewest of large ones, and the most numbers in all of them. */
const FEWEST_SAMPLES = 16;
const MOST_VALUES = 2 ** 28;

/** Generated inputs that refits take by default: `GENERATED_SAMPLES`, fewer where they are large. */
export function defaultSamples({ shape }: TensorInfo): number {
  const size = shape.slice(1).reduce<number>((product, length) => product * (length ?? 1), 1);
  return Math.min(GENERATED_SAMPLES, Math.max(FEWEST_SAMPLES, Math.floor(MOST_VALUES / size)));
}

/** @throws InputError `UNSUPPORTED` for more numbers than an array holds, or than there is memory for */
function roomFor({ name, shape }: TensorInfo, count: number, size: number): Float32Array {
  try {
    return new Float32Array(count * size);
  } catch (cause) {
    const sizes = shape.map((length) => length ?? '?').join(', ');
    throw new InputError(
      'UNSUPPORTED',
      `calibration: ${count} samples of input '${name}' [${sizes}] are ${((4 * count * size) / 1e9).toFixed(1)} GB, more than can be held: give a model with a smaller input`,
      { cause },
    );
  }
}

/**
 * The shape of one sample.
 *
 * @throws InputError `UNSUPPORTED` for whole numbers that are no images and for free axes besides the first
 */
export function sampleShape({ name, shape, type = 'float32' }: TensorInfo): number[] {
  const free = shape.includes(undefined, 1);
  const sample = shape.slice(1).map((length) => length ?? 0);
  if (!isFloat(type) && (free || !holdsBytes(type) || !imageLayout(sample))) {
    const held = valueRange(type)?.whole ? 'whole numbers' : type;
    throw new InputError(
      'UNSUPPORTED',
      `calibration: input '${name}' holds ${held}, which cannot be generated: give data`,
    );
  }
  if (free)
    throw new InputError(
      'UNSUPPORTED',
      `calibration: input '${name}' has axes of any length, inputs of which size cannot be generated: give data`,
    );
  return sample;
}

function holdsBytes(type: ElementType): boolean {
  const range = valueRange(type);
  return range !== undefined && range.least <= 0 && range.most >= 255;
}

/** The random numbers of one sample. */
export function sampleRandom(seed: number, index: number): Random {
  return new Random(Math.imul(seed + 1, 0x9e3779b1) ^ index);
}

/** A plane of pixels in [0, 1] as bytes. */
export function bytesOf(plane: Float32Array): Uint8ClampedArray {
  return Uint8ClampedArray.from(plane, (value) => 255 * value);
}

type Fill = (target: Float32Array, random: Random) => void;

function sampleFiller(sample: readonly number[], floats: boolean, normalization: PixelNormalization): Fill {
  const layout = imageLayout(sample);
  if (!layout)
    return (target, random) =>
      target.forEach((_, i) => {
        target[i] = random.normal();
      });
  const { height, width, channels } = layout;
  return (target, random) => {
    const planes = smoothImage(height, width, channels, random);
    if (floats) writeImage(target, planes, 1, layout, normalization);
    else writeImage(target, planes.map(bytesOf), 1, layout, {});
  };
}
