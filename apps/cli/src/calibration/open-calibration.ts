/** From what a user types after `--calibrate` to unlabelled inputs. */
import {
  type CalibrationInputs,
  defaultSamples,
  evolvedInputs,
  GENERATED_SAMPLES,
  type GeneratedInputsOptions,
  InputError,
  type Model,
  Random,
  settledInputs,
  sourcedInputs,
} from '@spherize/core';
import { type LabelledData, singleInput } from '@spherize/core/evaluation';
import { fixedBatch } from '@spherize/core/proof';
import type { Dataset } from '../data/dataset.js';
import { isDataSpec, openDataset, unknownData } from '../data/open-dataset.js';
import { namesRecordedArrays, openRecordedArrays, type RecordedArrays } from '../data/recorded-arrays.js';
import type { GivenShape } from '../options/parse.js';
import { inputSource } from '../plugins/input-sources.js';

/** Inputs that are made up, for those who have no data. */
export const GENERATED = 'generated';
/** No inputs: nothing is refitted. */
export const NONE = 'none';

/** How many inputs calibration takes by default; fewer generated ones where they are large. */
export const DEFAULT_SAMPLES: { readonly data: number; readonly generated: number } = {
  data: 500,
  generated: GENERATED_SAMPLES,
};

const BATCH = 100;

export interface CalibrationOptions extends Pick<GeneratedInputsOptions, 'mean' | 'std'> {
  /** `generated`, or a data specification as for `--data`. */
  readonly calibrate: string;
  readonly calibrationSamples?: number | undefined;
  readonly seed: number;
  /** The output with the scores of the classes, over which generated images are spread. */
  readonly scores?: string | undefined;
}

/** Inputs for calibration, and by what a repeated run knows them. */
export interface OpenCalibration {
  readonly inputs: CalibrationInputs;
  /** The shapes that the samples have, where the data say them; free axes that count samples stay free. */
  readonly shapes?: readonly GivenShape[] | undefined;
  /** SHA-256 of the stored data; undefined for generated inputs. */
  readonly digest: string | undefined;
  /**
   * Samples of the data, at most so many, that calibration did not take; undefined where none are left.
   *
   * @param after others than the first so many of these, where there are enough for both
   */
  others(samples: number, after?: number): CalibrationInputs | undefined;
}

/**
 * Opens calibration inputs. Of a data set a random part is taken, chosen by the seed; its labels are not looked at.
 *
 * @param evaluation data on which accuracy is measured: when it is the same set, none of its samples is taken
 * @throws InputError when nothing is left to take, and as `openDataset`, `settledInputs` and `evolvedInputs` do
 */
export async function openCalibration(
  model: Model,
  options: CalibrationOptions,
  evaluation?: Pick<Dataset, 'name' | 'samples'>,
): Promise<OpenCalibration> {
  const { calibrate, seed, mean, std } = options;
  if (calibrate === GENERATED) {
    const inputs = await settledInputs(model);
    const samples =
      options.calibrationSamples ?? defaultSamples(inputs, await model.multiplyAccumulates?.(inputs));
    return {
      inputs: evolvedInputs(model, inputs, {
        samples,
        seed,
        mean,
        std,
        batch: BATCH,
        scores: options.scores,
      }),
      digest: undefined,
      others: () => undefined,
    };
  }
  if (await namesRecordedArrays(calibrate)) {
    if (mean !== undefined || std !== undefined)
      throw new InputError(
        'BAD_ARGUMENT',
        `--calibrate ${calibrate}: recorded inputs are taken as they are: leave out --mean and --std`,
      );
    const recorded = await openRecordedArrays(calibrate, model, BATCH);
    const first = firstUnmeasured(recorded, evaluation);
    const least = fixedBatch(model.inputs);
    const wanted = options.calibrationSamples ?? DEFAULT_SAMPLES.data;
    return {
      ...partsOf(recorded, divided(recorded.samples, first, wanted, seed), seed, least),
      digest: recorded.digest,
      shapes: recorded.shapes,
    };
  }
  // A colon stands in data specifications only.
  const source = calibrate.includes(':') ? undefined : await inputSource(calibrate);
  if (source !== undefined) {
    const samples = options.calibrationSamples ?? GENERATED_SAMPLES;
    const from = (count: number, own: number) =>
      sourcedInputs({ ...source, name: calibrate, batches: source.batches.bind(source) }, model.inputs, {
        samples: count,
        seed: own,
      });
    return {
      inputs: from(samples, seed),
      digest: undefined,
      others: (count, after = 0) => from(count, seed + (after > 0 ? 2 : 1)),
    };
  }
  if (!isDataSpec(calibrate)) throw unknownData(calibrate);
  if (model.inputs.length !== 1)
    throw new InputError(
      'UNSUPPORTED',
      `--calibrate ${calibrate}: the model has ${model.inputs.length} inputs (${model.inputs.map(({ name }) => name).join(', ')}): give npz:FILE.npz, or a folder: of .npy files, with an array for each`,
    );
  const input = singleInput(model);
  const data = await openDataset(calibrate, {
    input: input.name,
    sampleShape: input.shape.slice(1),
    type: input.type,
    ...(mean && { mean }),
    ...(std && { std }),
  });
  const first = firstUnmeasured(data, evaluation);
  const wanted = options.calibrationSamples ?? DEFAULT_SAMPLES.data;
  const positions = divided(data.samples, first, wanted, seed);
  return calibrationOf(model, data, { ...positions, digest: await data.digest(), seed });
}

/** The first sample on which accuracy is not measured. */
function firstUnmeasured(
  { name, samples }: Pick<Dataset, 'name' | 'samples'>,
  evaluation: Pick<Dataset, 'name' | 'samples'> | undefined,
): number {
  const first = evaluation?.name === name ? evaluation.samples : 0;
  if (first < samples) return first;
  throw new InputError(
    'BAD_ARGUMENT',
    `--calibrate ${name}: all ${samples} samples are used to measure accuracy; lower --limit, or give other data`,
  );
}

/** A random part of the samples from the first one on, and the others. */
function divided(
  samples: number,
  first: number,
  wanted: number,
  seed: number,
): Pick<DividedPositions, 'chosen' | 'rest'> {
  const chosen = new Set(Array.from(new Random(seed).sample(samples - first, wanted), (i) => first + i));
  const rest = Array.from({ length: samples - first }, (_, i) => first + i).filter(
    (position) => !chosen.has(position),
  );
  return { chosen: [...chosen], rest };
}

/** Samples that calibration takes, and others, of whatever has parts. */
function partsOf(
  { part }: Pick<RecordedArrays, 'part'>,
  { chosen, rest }: Pick<DividedPositions, 'chosen' | 'rest'>,
  seed: number,
  least = 1,
): Pick<OpenCalibration, 'inputs' | 'others'> {
  const inOrder = (positions: readonly number[]) => part(positions.toSorted((a, b) => a - b));
  return {
    inputs: inOrder(chosen),
    others(samples, after = 0) {
      const drawn = Array.from(new Random(seed + 1).sample(rest.length, after + samples), (i) => rest[i]!);
      const own = drawn.length - after >= samples / 2 ? drawn.slice(after) : drawn.slice(0, samples);
      return own.length >= least ? inOrder(own) : undefined;
    },
  };
}

/** Which samples of some data calibration takes, and which it leaves. */
export interface DividedPositions {
  readonly chosen: readonly number[];
  readonly rest: readonly number[];
  readonly digest: string;
  readonly seed: number;
}

/** Calibration on some samples of labelled data, whose labels are not looked at. */
export function calibrationOf(
  model: Model,
  data: LabelledData,
  { chosen, rest, digest, seed }: DividedPositions,
): OpenCalibration {
  const fixed = fixedBatch(model.inputs);
  const part = (positions: readonly number[]): CalibrationInputs => unlabelled(data, positions, fixed);
  return { ...partsOf({ part }, { chosen, rest }, seed, fixed), digest };
}

/** @param fixed samples that the model takes at a time, where it fixes their number: whole batches only */
function unlabelled(
  data: LabelledData,
  positions: readonly number[],
  fixed: number | undefined,
): CalibrationInputs {
  const samples = fixed === undefined ? positions.length : positions.length - (positions.length % fixed);
  if (samples === 0) {
    throw new InputError(
      'BAD_ARGUMENT',
      `--calibrate ${data.name}: the model takes ${fixed ?? BATCH} samples at a time, but there are only ${positions.length}`,
    );
  }
  const size = fixed ?? BATCH;
  return {
    name: data.name,
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += size)
        yield (await data.batch(positions.slice(start, Math.min(start + size, samples)))).inputs;
    },
  };
}
