/**
 * Inputs made up for calibration where there are no data: smooth random images, texts of random words, or random numbers.
 */
import { InputError } from '../errors.js';
import { allocateValues, isFloat } from '../format/element-type.js';
import type { Tensor, TensorInfo } from '../format/model-format.js';
import { Random } from '../random.js';
import type { CalibrationInputs } from './calibration-inputs.js';
import type { PixelNormalization } from './image-layout.js';
import { type Fill, fillerOf, holdsWords, sampleShape } from './input-kinds.js';
import { fixedBatch, type SizedInput, sizedInputs } from './input-shapes.js';

export interface GeneratedInputsOptions extends PixelNormalization {
  readonly samples: number;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Samples at a time. Default 100. */
  readonly batch?: number | undefined;
}

/** Samples at a time where the model does not say it, and the most numbers in what they may be scored by, a number for each word. */
const BATCH = 100;
const MOST_SCORES = 2 ** 26;

/**
 * Random values for a model's inputs, never stored: each sample depends on the seed and its own number alone.
 *
 * - `[N, C, H, W]` and `[N, H, W, C]` with 1, 3 or 4 channels: images in [0, 1], then `(x − mean)/std`. Each is a sum of smooth noise of
 *   several scales, thresholded softly into shapes and background, at a random contrast.
 *   Where the input takes whole numbers, they are in 0 … 255, as stored in image files.
 * - whole numbers that are looked up in tables of the model, and what goes with them: words, their places, masks (see `fillerOf`).
 * - any other shape: standard normal numbers.
 *
 * Free axes get the lengths of `sizedInputs`; `settledInputs` finds such with which a model runs.
 *
 * @throws InputError `UNSUPPORTED` for whole numbers of which nothing is known, and for a first axis of length 0,
 * `BAD_ARGUMENT` for a mean or std of whole numbers; while they are made, `UNSUPPORTED` for inputs that are too large
 */
export function generatedInputs(
  inputs: readonly TensorInfo[],
  options: GeneratedInputsOptions,
): CalibrationInputs {
  const { samples, seed = 0, mean, std } = options;
  const batch = fixedBatch(inputs) ?? Math.min(options.batch ?? BATCH, mostTexts(inputs));
  const fillers = sizedInputs(inputs, batch).map((input) => ({
    input,
    fill: fillerOf(input, { mean, std }),
  }));
  for (const { name, type = 'float32', shape } of inputs) {
    if (!isFloat(type) && inputs.length === 1 && (mean !== undefined || std !== undefined))
      throw new InputError(
        'BAD_ARGUMENT',
        `calibration: input '${name}' takes ${type}, pixels as they are stored: leave out the mean and std`,
      );
    if (batch === 0 && shape[0] === 0)
      throw new InputError(
        'UNSUPPORTED',
        `calibration: input '${name}' takes no samples: its first axis has length 0`,
      );
  }
  const isFixed = fixedBatch(inputs) !== undefined;
  return {
    name: 'generated',
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += batch) {
        const count = isFixed ? batch : Math.min(batch, samples - start);
        const sized = sizedInputs(inputs, count);
        yield Object.fromEntries(
          fillers.map(({ input: { name }, fill }, i) => [name, filled(sized[i]!, fill, i, seed, start)]),
        );
      }
    },
  };
}

/** Texts at a time: each word of each may be scored by a number for every word that there is. */
function mostTexts(inputs: readonly TensorInfo[]): number {
  const scores = sizedInputs(inputs, 1)
    .filter(holdsWords)
    .map((input) => input.entries * sizeOf(input.shape));
  return Math.max(1, Math.floor(MOST_SCORES / Math.max(1, ...scores)));
}

/** How many inputs are made up where nothing says it. */
export const GENERATED_SAMPLES = 1000;
/** The fewest of large ones, the most numbers in all of them, and the most multiply-accumulates in running a model on all of them. */
const FEWEST_SAMPLES = 16;
const MOST_VALUES = 2 ** 28;
const MOST_MACS = 2.5e11;

/**
 * Generated inputs that refits take by default: `GENERATED_SAMPLES`, fewer where they are large, or the model computes long.
 *
 * @param macs multiply-accumulates of one sample, where they are known
 */
export function defaultSamples(inputs: readonly TensorInfo[], macs?: number | null): number {
  return Math.min(GENERATED_SAMPLES, Math.max(FEWEST_SAMPLES, affordableSamples(inputs, macs)));
}

/** How many inputs are not too large in all, and can be run without the model computing too long. */
export function affordableSamples(inputs: readonly TensorInfo[], macs?: number | null): number {
  const size = sizedInputs(inputs, 1).reduce((sum, input) => sum + sizeOf(sampleShape(input)), 0);
  return Math.floor(Math.min(MOST_VALUES / Math.max(1, size), MOST_MACS / Math.max(1, macs ?? 1)));
}

/** One input of a batch. @param place of the input among the model's: each has random numbers of its own */
function filled(input: SizedInput, fill: Fill, place: number, seed: number, start: number): Tensor {
  const { shape, batchAxis } = input;
  const data = roomFor(input);
  const random = (sample: number) => sampleRandom(seed + place * INPUT_SEEDS, start + sample);
  if (batchAxis === undefined) {
    fill(data, random(0));
    return { shape, data };
  }
  const count = shape[batchAxis]!;
  const inner = sizeOf(shape.slice(batchAxis + 1));
  const outer = sizeOf(shape.slice(0, batchAxis));
  for (let s = 0; s < count; s++) {
    if (outer === 1) {
      fill(data.subarray(s * inner, (s + 1) * inner), random(s));
      continue;
    }
    const values = allocateValues(input.type, outer * inner);
    fill(values, random(s));
    for (let o = 0; o < outer; o++)
      data.set(values.subarray(o * inner, (o + 1) * inner), (o * count + s) * inner);
  }
  return { shape, data };
}

/** Apart from the seeds that users count up. */
const INPUT_SEEDS = 0x10001;

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** @throws InputError `UNSUPPORTED` for more numbers than an array holds, or than there is memory for */
function roomFor({ name, shape, type }: SizedInput): Tensor['data'] {
  try {
    return allocateValues(type, sizeOf(shape));
  } catch (cause) {
    throw new InputError(
      'UNSUPPORTED',
      `calibration: one run of input '${name}' [${shape.join(', ')}] is ${((4 * sizeOf(shape)) / 1e9).toFixed(1)} GB, more than can be held: give a model with a smaller input`,
      { cause },
    );
  }
}

/** The random numbers of one sample. */
export function sampleRandom(seed: number, index: number): Random {
  return new Random(Math.imul(seed + 1, 0x9e3779b1) ^ index);
}
