/**
 * Inputs made up for calibration where there are no data: smooth random images, or vectors of random numbers.
 */
import { InputError } from '../errors.js';
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
          fill(data.subarray(i * size, (i + 1) * size), sampleRandom(seed, start + i));
        yield { [input.name]: { shape: [count, ...sample], data } };
      }
    },
  };
}

/**
 * The shape of one sample.
 *
 * @throws InputError `UNSUPPORTED` for an input of whole numbers or with a free axis besides the first
 */
export function sampleShape(input: TensorInfo): number[] {
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

/** The random numbers of one sample. */
export function sampleRandom(seed: number, index: number): Random {
  return new Random(Math.imul(seed + 1, 0x9e3779b1) ^ index);
}

type Fill = (target: Float32Array, random: Random) => void;

function sampleFiller(sample: readonly number[], normalization: PixelNormalization): Fill {
  const layout = imageLayout(sample);
  if (!layout)
    return (target, random) =>
      target.forEach((_, i) => {
        target[i] = random.normal();
      });
  const { height, width, channels } = layout;
  return (target, random) =>
    writeImage(target, smoothImage(height, width, channels, random), 1, layout, normalization);
}
