/** Two models that compute the same numbers in another order are run on the same inputs, and must agree to rounding. */

import { fixedBatch } from '../calibration/input-shapes.js';
import { InputError } from '../errors.js';
import { isFloat, valueRange } from '../format/element-type.js';
import type { Model, Tensor } from '../format/model-format.js';
import { type Reach, type RequireMemory, randomInputs, withWidestReach } from './random-inputs.js';

/** Samples that both models run. */
const SAMPLES = 8;
/**
 * The most by which outputs may differ, relative to the largest: float32 sums of up to 10⁴ terms, added in another order,
 * differ by about 10⁻⁵ after a few layers.
 */
export const SUMMATION_TOLERANCE = 1e-4;
/** Weights stored with fewer bits are rounded anew when factors are folded into them: this many roundings. */
const ROUNDINGS = 32;
/** How often models run again, before a deviation is taken for one of the rewriting. */
const REPEATS = 4;
/** A relative change of inputs that is about what rounding does to a sum of some hundred terms. */
const NUDGE = 1e-6;
/** How far a rewriting may be from its reference, where nudging the inputs of the reference moves its outputs so far already. */
const NUDGES = 4;
/** Beyond it sums come close to what float32 holds, and their order decides whether they overflow. */
const CLOSE_TO_OVERFLOW = 2 ** 100;

/** What a rewritten model is compared with: the original, or the same change in a form that is plainly right. */
export type ReferenceForm = 'original' | 'explicit form' | 'masked form' | 'rounded weights';

/** What the proof found. */
export type Verification =
  | {
      /** Largest deviation of an output, relative to the largest output. */
      readonly deviation: number;
      readonly against: ReferenceForm;
      /**
       * The same between the weights as they are stored and as they were planned; only where storing them in the types of
       * the old ones rounded them.
       */
      readonly roundingDeviation?: number;
      /** `Model.vanishing` of the compressed model; only where there are any. */
      readonly vanishing?: readonly string[];
    }
  | { readonly deviation: null; readonly reason: string };

/** How models are compared. */
export interface VerifyOptions {
  /** Of the inputs that both models run on. Default 0. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Asked before inputs are made; what it refuses is not proved, with its reason. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** A compressed model that is not what was asked for: a fault of the rewriting, or of the model's format. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
}

/**
 * Runs a rewritten model against its reference on generated inputs.
 *
 * Where storage rounded the new weights, both run with the weights as they were planned, so that the rewriting is held to
 * the same tolerance as everywhere; then the written model runs too, and what the rounding cost is measured.
 *
 * @param original the model before, for its inputs, outputs and rounding
 * @param reference made when it is needed
 * @returns the deviation, or why there is none: the reference cannot be run on generated inputs, or is random
 * @throws InputError `BAD_FILE` when they deviate where the reference itself computes no finite numbers
 * @throws ProofError when the rewritten model does not run, or deviates by more than rounding explains
 */
export async function compareModels(
  original: Model,
  rewritten: Model,
  { form, model: referenceModel }: { readonly form: ReferenceForm; readonly model: () => Model },
  options: VerifyOptions = {},
): Promise<Verification> {
  const { seed = 0 } = options;
  const compared = original.outputs.filter(({ type }) => isFloat(type)).map(({ name }) => name);
  // A class index jumps at the smallest difference.
  if (compared.length === 0) {
    await requireLoading(rewritten);
    const whole = original.outputs.every(({ type = 'float32' }) => valueRange(type)?.whole);
    return {
      deviation: null,
      reason: whole ? 'all outputs are whole numbers' : 'no output is a tensor of floats',
    };
  }
  const batch = fixedBatch(original.inputs) ?? SAMPLES;
  const runs = Array.from({ length: Math.max(1, Math.ceil(SAMPLES / Math.max(1, batch))) }, (_, i) => i);
  // Pixels are like the even samples; the odd ones also have negative values, and so reach units that are dead on pixels.
  const inputs = (reach: Reach) => (run: number) =>
    randomInputs(original.inputs, batch, seed + run, {
      requireMemory: options.requireMemory,
      reach,
      isNormal: (i) => (run * batch + i) % 2 === 1,
    });
  const reference = planned(referenceModel());
  const runReference = (reach: Reach) => outputsOf(reference, runs, inputs(reach), options.signal);
  let expected: Record<string, Tensor>[];
  let reach: Reach;
  try {
    ({ reach, result: expected } = await withWidestReach(original.inputs, runReference));
  } catch (error) {
    options.signal?.throwIfAborted();
    await requireLoading(rewritten);
    return { deviation: null, reason: `the reference does not run on generated inputs: ${messageOf(error)}` };
  }
  const run = (model: Model) =>
    outputsOf(model, runs, inputs(reach), options.signal).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw new ProofError(`the rewritten model does not run: ${messageOf(error)}`, {
        cause: error,
      });
    });
  const { rounding } = rewritten;
  const actual = await run(planned(rewritten));
  const tolerance = Math.max(SUMMATION_TOLERANCE, ROUNDINGS * (original.roundoff ?? 0));
  let deviation = 0;
  for (const name of compared) {
    const found = actual.map(valuesOf(name));
    const wanted = expected.map(valuesOf(name));
    const own = largestDeviation(found, wanted);
    // NaN and infinity depend on the order of a sum: no rewriting keeps them.
    const [broken] = own > tolerance ? [...notFinite(wanted), ...overflowing(found, wanted)] : [];
    if (broken !== undefined && largestDeviation(found, wanted, true) <= tolerance) {
      throw new InputError(
        'BAD_FILE',
        `the model computes ${broken} in output '${name}' on generated inputs, which compression cannot keep: ` +
          'look for weights that are too large, or export the model again',
      );
    }
    deviation = Math.max(deviation, own);
  }
  if (!(deviation <= tolerance)) {
    // What a model leaves unset differs from run to run, though not always.
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const again = [await runReference(reach), await run(planned(rewritten))];
      const repeats = [expected, actual].every((first, i) =>
        compared.every(
          (name) => largestDeviation(again[i]!.map(valuesOf(name)), first.map(valuesOf(name))) <= tolerance,
        ),
      );
      if (!repeats)
        return { deviation: null, reason: 'the model itself gives other outputs for the same inputs' };
    }
    const nudged = (run: number) => nudgedInputs(inputs(reach)(run));
    const moved = await outputsOf(reference, runs, nudged, options.signal);
    const noise = Math.max(
      ...compared.map((name) => largestDeviation(moved.map(valuesOf(name)), expected.map(valuesOf(name)))),
    );
    if (deviation <= NUDGES * noise)
      return {
        deviation: null,
        reason: `on generated inputs the outputs are rounding: a millionth more or less of the inputs moves them by ${noise.toExponential(1)} of the largest`,
      };
    throw new ProofError(
      `the rewritten model deviates from the ${form} by ${deviation.toExponential(1)} of the largest output, ` +
        `more than the ${tolerance.toExponential(1)} that rounding explains; please report this model`,
    );
  }
  const vanishing = [...(rewritten.vanishing ?? [])];
  const proved = { deviation, against: form, ...(vanishing.length > 0 && { vanishing }) } as const;
  if (rounding === undefined) return proved;
  const written = await run(rewritten);
  const cost = compared.map((name) =>
    largestDeviation(written.map(valuesOf(name)), actual.map(valuesOf(name))),
  );
  const rounded = Math.max(...cost);
  if (!Number.isFinite(rounded)) {
    throw new ProofError(
      `the rewritten model gives other shapes or no finite numbers once its weights are stored as ${rounding.types.join(', ')}: ` +
        'please report this model',
    );
  }
  return { ...proved, roundingDeviation: rounded };
}

/** Floats a little larger and smaller, in turns; whole numbers as they are. */
function nudgedInputs(inputs: Record<string, Tensor>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: data.map((value, i) =>
          Number.isInteger(value) ? value : value * (1 + (i % 2 === 0 ? NUDGE : -NUDGE)),
        ),
      },
    ]),
  );
}

/** The model with its weights as they were before storage rounded them. */
function planned(model: Model): Model {
  return model.rounding?.exact ?? model;
}

/**
 * What the runtime does not take has no meaning that compression could keep.
 *
 * @throws InputError when the runtime refuses the model
 */
export async function requireRunnable(model: Model): Promise<void> {
  await (await model.session()).release();
}

/** Where nothing can be compared, the runtime must at least take the result. */
async function requireLoading(rewritten: Model): Promise<void> {
  await requireRunnable(rewritten).catch((error: unknown) => {
    throw new ProofError(`the runtime refuses the rewritten model: ${messageOf(error)}`, {
      cause: error,
    });
  });
}

async function outputsOf(
  model: Model,
  runs: readonly number[],
  inputs: (run: number) => Record<string, Tensor>,
  signal: AbortSignal | undefined,
): Promise<Record<string, Tensor>[]> {
  signal?.throwIfAborted();
  const session = await model.session();
  try {
    const outputs: Record<string, Tensor>[] = [];
    for (const run of runs) {
      signal?.throwIfAborted();
      outputs.push(await session.run(inputs(run)));
    }
    return outputs;
  } finally {
    await session.release();
  }
}

/**
 * Largest difference of two equally long lists of tensors, relative to the largest expected value; infinite for other shapes.
 *
 * @param whereFinite whether places are left out at which a value is NaN or infinite
 */
export function largestDeviation(
  actual: readonly (Tensor | undefined)[],
  expected: readonly (Tensor | undefined)[],
  whereFinite = false,
): number {
  let largest = 0;
  let difference = 0;
  for (const [i, tensor] of expected.entries()) {
    const found = actual[i];
    if (!tensor || !found || tensor.shape.join() !== found.shape.join()) return Number.POSITIVE_INFINITY;
    for (let j = 0; j < tensor.data.length; j++) {
      const a = found.data[j]!;
      const b = tensor.data[j]!;
      if (Number.isFinite(b)) largest = Math.max(largest, Math.abs(b));
      // Also the same infinity, or no number on both sides.
      if (Object.is(a, b) || (whereFinite && !(Number.isFinite(a) && Number.isFinite(b)))) continue;
      const distance = Math.abs(a - b);
      if (!Number.isFinite(distance)) return Number.POSITIVE_INFINITY;
      difference = Math.max(difference, distance);
    }
  }
  return difference === 0 ? 0 : difference / largest;
}

/** The largest of some values, where it is close to overflowing and others than these did overflow. */
function overflowing(
  found: readonly (Tensor | undefined)[],
  wanted: readonly (Tensor | undefined)[],
): number[] {
  if (notFinite(found).length === 0) return [];
  let largest = 0;
  for (const tensor of wanted)
    for (const value of tensor?.data ?? []) largest = Math.max(largest, Math.abs(value));
  return largest > CLOSE_TO_OVERFLOW ? [largest] : [];
}

function valuesOf(name: string): (outputs: Record<string, Tensor>) => Tensor | undefined {
  return (outputs) => outputs[name];
}

/** The values of some tensors that are NaN or infinite. */
function notFinite(tensors: readonly (Tensor | undefined)[]): number[] {
  return tensors.flatMap((tensor) => [...(tensor?.data.filter((value) => !Number.isFinite(value)) ?? [])]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
