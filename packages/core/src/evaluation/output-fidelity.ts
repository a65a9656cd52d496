/** How closely a compressed model answers as the original does. */
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { holdsWords } from '../calibration/input-kinds.js';
import { sizedInputs } from '../calibration/input-shapes.js';
import { isFloat } from '../format/element-type.js';
import type { Model, Tensor } from '../format/model-format.js';
import { scoresOutput } from '../format/scores-output.js';
import { meanError, spreadOf, squaredError } from './output-error.js';

/** Figures on inputs that a refit should not have seen. */
export interface OutputFidelity {
  /**
   * `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` with y what the original gives and ȳ its mean: a mean over the float outputs. Null without such an output, and
   * where the original does not run on the inputs.
   */
  readonly outputError: number | null;
  /**
   * Mean cosine of the angle between what the original and the compressed model give, over samples and float outputs: what counts for embeddings.
   * Null as `outputError` is, and where every output of the original is zero.
   */
  readonly cosine: number | null;
  /** Share of samples, or of words of texts, whose largest score is the same; null where no output looks like the scores of classes. */
  readonly agreement: number | null;
  /** 0 where the original does not run on them. */
  readonly samples: number;
  /** What the inputs were. */
  readonly inputs: string;
}

/** How outputs are compared. */
export interface FidelityOptions {
  readonly signal?: AbortSignal | undefined;
  /** The output with the scores of the classes. Default: as `scoresOutput` finds it. */
  readonly scores?: string | undefined;
}

/** What the original gives on some inputs, to compare one compressed model after the other with it. */
export interface RecordedOutputs {
  /** What the inputs were. */
  readonly inputs: string;
  /** Outputs of floats, each with `Σ‖y − ȳ‖²`; see `spreadOf`. */
  readonly spreads: ReadonlyMap<string, number>;
  /** The output with the scores of the classes, where there may be one. */
  readonly classes: string | undefined;
  /** How many words the texts are made of that the model reads, where it does. */
  readonly words: number | undefined;
  /** None where the original does not run on the inputs. */
  readonly batches: readonly {
    readonly feeds: Readonly<Record<string, Tensor>>;
    readonly outputs: Readonly<Record<string, Tensor>>;
  }[];
}

/**
 * Runs the original and a compressed model on the same inputs. Memory: the inputs and the original's outputs are kept.
 *
 * @returns null for both figures where the original does not run on these inputs
 */
export async function outputFidelity(
  original: Model,
  compressed: Model,
  inputs: CalibrationInputs,
  options: FidelityOptions = {},
): Promise<OutputFidelity> {
  return fidelityTo(await recordOutputs(original, inputs, options), compressed, options);
}

/** Runs the original on inputs, which are kept with what it gives. */
export async function recordOutputs(
  original: Model,
  inputs: CalibrationInputs,
  { signal, scores }: FidelityOptions = {},
): Promise<RecordedOutputs> {
  const floats = original.outputs.filter(({ type }) => isFloat(type)).map(({ name }) => name);
  const classes = floats.length > 0 ? scoresOutput(original, scores).name : undefined;
  const recorded = {
    inputs: inputs.name,
    classes,
    words: sizedInputs(original.inputs, 1).find(holdsWords)?.entries,
  };
  const batches: RecordedOutputs['batches'][number][] = [];
  const session = await original.session();
  try {
    for await (const feeds of inputs.batches(signal)) {
      signal?.throwIfAborted();
      const outputs = await session.run(feeds).catch(() => undefined);
      signal?.throwIfAborted();
      if (outputs === undefined) return { ...recorded, spreads: new Map(), batches: [] };
      batches.push({ feeds, outputs });
    }
  } finally {
    await session.release();
  }
  const spreads = new Map(
    floats.map((name) => [name, spreadOf(batches.map(({ outputs }) => outputs[name]!))]),
  );
  return { ...recorded, spreads, batches };
}

/** Runs a compressed model on the inputs of a record. */
export async function fidelityTo(
  { inputs, spreads, classes, words, batches }: RecordedOutputs,
  compressed: Model,
  { signal }: Pick<FidelityOptions, 'signal'> = {},
): Promise<OutputFidelity> {
  if (batches.length === 0) return { outputError: null, cosine: null, agreement: null, samples: 0, inputs };
  const errors = new Map([...spreads.keys()].map((name) => [name, 0]));
  const cosines: number[] = [];
  let samples = 0;
  let scored = 0;
  let equal = 0;
  const session = await compressed.session();
  try {
    for (const { feeds, outputs: expected } of batches) {
      signal?.throwIfAborted();
      const actual = await session.run(feeds);
      for (const [name, error] of errors) {
        errors.set(name, error + squaredError(expected[name]!, actual[name]));
        cosines.push(...cosinesOf(expected[name]!, actual[name], samplesOf(feeds)));
      }
      const before = classes === undefined ? undefined : largestScores(expected[classes], words);
      const after = classes === undefined ? undefined : largestScores(actual[classes], words);
      if (before !== undefined && after?.length === before.length) {
        scored += before.length;
        equal += before.filter((index, s) => index === after[s]).length;
      }
      samples += samplesOf(feeds);
    }
  } finally {
    await session.release();
  }
  return {
    outputError: spreads.size > 0 ? meanError(errors, spreads) : null,
    cosine: cosines.length > 0 ? cosines.reduce((sum, own) => sum + own, 0) / cosines.length : null,
    agreement: scored > 0 ? equal / scored : null,
    samples,
    inputs,
  };
}

/** Of each sample, or of all of them where the output has another first axis; samples of zeros have none. */
function cosinesOf(expected: Tensor, actual: Tensor | undefined, samples: number): number[] {
  const rows = expected.shape[0] === samples ? samples : 1;
  const size = expected.data.length / rows;
  if (actual?.data.length !== expected.data.length) return [];
  return Array.from({ length: rows }, (_, row) => {
    let [product, left, right] = [0, 0, 0];
    for (let p = row * size; p < (row + 1) * size; p++) {
      product += expected.data[p]! * actual.data[p]!;
      left += expected.data[p]! ** 2;
      right += actual.data[p]! ** 2;
    }
    if (left === 0) return Number.NaN;
    return right === 0 ? 0 : product / Math.sqrt(left * right);
  }).filter((cosine) => !Number.isNaN(cosine));
}

/**
 * The place of the largest of each sample's scores, where the shape is `[samples, classes]` and further axes have length 1; of each word's, where
 * it is `[samples, length, classes]` with a class for every word.
 */
function largestScores(tensor: Tensor | undefined, words: number | undefined): number[] | undefined {
  const [samples = 0, ...axes] = tensor?.shape ?? [];
  const ofWords = axes.length === 2 && words !== undefined && axes[1]! >= words;
  const [classes = 0, ...more] = ofWords ? [axes[1]!] : axes;
  if (tensor === undefined || classes < 2 || more.some((length) => length !== 1)) return undefined;
  return Array.from({ length: ofWords ? samples * axes[0]! : samples }, (_, s) => {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (tensor.data[s * classes + c]! > tensor.data[s * classes + best]!) best = c;
    return best;
  });
}
