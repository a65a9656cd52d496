/** The type of a model's weights that takes the fewest bytes and changes the outputs next to nothing. */
import type { LongRunOptions } from '../cancellation.js';
import { InputError } from '../errors.js';
import { fidelityTo, type RecordedOutputs } from '../evaluation/output-fidelity.js';
import type { Model } from '../format/model-format.js';
import type { WeightType } from '../format/weight-storage.js';

/** The fewest bytes first. Whole numbers of 16 bits take as many as floats of 16. */
const TYPES: readonly WeightType[] = ['int8', 'float16'];
/** Of the error that is allowed, what rounding to the nearest may take: the rest is for what leaves. */
const SHARE = 0.25;

/**
 * @param recorded what the model gives as it is
 * @param maxError the relative error of the outputs that is allowed, see `OutputFidelity`
 * @returns undefined where its format stores weights in one way only, its file holds them in fewer bits already, or rounding costs too much
 */
export async function lightestStorage(
  model: Model,
  recorded: RecordedOutputs,
  maxError: number,
  { signal }: Pick<LongRunOptions, 'signal'> = {},
): Promise<WeightType | undefined> {
  if (model.storage === undefined || model.storage.found !== undefined) return undefined;
  for (const type of TYPES) {
    signal?.throwIfAborted();
    try {
      const { model: stored, report } = model.storage.store(type);
      if (report.tensors === 0) continue;
      const { outputError } = await fidelityTo(recorded, stored, { signal });
      if (outputError !== null && outputError <= SHARE * maxError) return type;
    } catch (error) {
      // Some models are too old for weights of other types.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return undefined;
}
