/** How closely a compressed model answers as the original does. */
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
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
  /** Share of samples whose largest score is the same; null where no output looks like the scores of classes. */
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
  const recorded = { inputs: inputs.name, classes };
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
  { inputs, spreads, classes, batches }: RecordedOutputs,
  compressed: Model,
  { signal }: Pick<FidelityOptions, 'signal'> = {},
): Promise<OutputFidelity> {
  if (batches.length === 0) return { outputError: null, agreement: null, samples: 0, inputs };
  const errors = new Map([...spreads.keys()].map((name) => [name, 0]));
  let samples = 0;
  let scored = 0;
  let equal = 0;
  const session = await compressed.session();
  try {
    for (const { feeds, outputs: expected } of batches) {
      signal?.throwIfAborted();
      const actual = await session.run(feeds);
      for (const [name, error] of errors)
        errors.set(name, error + squaredError(expected[name]!, actual[name]));
      const before = classes === undefined ? undefined : largestScores(expected[classes]);
      const after = classes === undefined ? undefined : largestScores(actual[classes]);
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
    agreement: scored > 0 ? equal / scored : null,
    samples,
    inputs,
  };
}

/** The place of the largest of each sample's scores, where the shape is `[samples, classes]` and further axes have length 1. */
function largestScores(tensor: Tensor | undefined): number[] | undefined {
  const [samples = 0, classes = 0, ...more] = tensor?.shape ?? [];
  if (tensor === undefined || classes < 2 || more.some((length) => length !== 1)) return undefined;
  return Array.from({ length: samples }, (_, s) => {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (tensor.data[s * classes + c]! > tensor.data[s * classes + best]!) best = c;
    return best;
  });
}
