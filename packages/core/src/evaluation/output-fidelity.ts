/** How closely a compressed model answers as the original does. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
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

/**
 * Runs the original and a compressed model on the same inputs. Memory: the original's outputs are kept.
 *
 * @returns null for both figures where the original does not run on these inputs
 */
export async function outputFidelity(
  original: Model,
  compressed: Model,
  inputs: CalibrationInputs,
  { signal, scores }: FidelityOptions = {},
): Promise<OutputFidelity> {
  const floats = original.outputs.filter(({ type }) => isFloat(type)).map(({ name }) => name);
  const classes = floats.length > 0 ? scoresOutput(original, scores).name : undefined;
  const errors = new Map(floats.map((name) => [name, 0]));
  const kept = new Map<string, Tensor[]>(floats.map((name) => [name, []]));
  let samples = 0;
  let scored = 0;
  let equal = 0;
  const sessions = [await original.session()];
  try {
    sessions.push(await compressed.session());
    for await (const feeds of inputs.batches(signal)) {
      signal?.throwIfAborted();
      const expected = await sessions[0]!.run(feeds).catch(() => undefined);
      signal?.throwIfAborted();
      if (expected === undefined)
        return { outputError: null, agreement: null, samples: 0, inputs: inputs.name };
      const actual = await sessions[1]!.run(feeds);
      for (const name of floats) {
        const tensor = expected[name]!;
        kept.get(name)!.push(tensor);
        errors.set(name, errors.get(name)! + squaredError(tensor, actual[name]));
      }
      const before = classes === undefined ? undefined : largestScores(expected[classes]);
      const after = classes === undefined ? undefined : largestScores(actual[classes]);
      if (before !== undefined && after?.length === before.length) {
        scored += before.length;
        equal += before.filter((index, s) => index === after[s]).length;
      }
      samples += Object.values(feeds)[0]?.shape[0] ?? 1;
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  const spreads = new Map([...kept].map(([name, tensors]) => [name, spreadOf(tensors)]));
  return {
    outputError: floats.length > 0 ? meanError(errors, spreads) : null,
    agreement: scored > 0 ? equal / scored : null,
    samples,
    inputs: inputs.name,
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
