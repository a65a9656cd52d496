/** The last step of a compression: the weights of the result in the type that is asked for, or else in the one that the file held. */
import type { LongRunOptions } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import type { WeightType } from '../format/weight-storage.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import { storeWeights } from '../storage/store-weights.js';
import type { CompressedModel } from './compressed-model.js';
import { openEngine } from './open-engine.js';

export interface StoreCompressedOptions extends LongRunOptions {
  /** Default: as the original's file held most of its weights, where it held any in fewer bits. */
  readonly storage?: WeightType | undefined;
  readonly engine?: MatrixEngine | undefined;
  readonly prove?: boolean | undefined;
  readonly requireMemory?: RequireMemory | undefined;
  readonly seed?: number | undefined;
}

/**
 * Rounds, once, by what layers read of the calibration inputs where those are the user's own: one pass over made-up inputs costs more than it gains.
 *
 * @param model the original
 * @throws InputError and ProofError as `storeWeights` does
 */
export async function storeCompressed<Result extends CompressedModel>(
  model: Model,
  result: Result,
  { storage = model.storage?.found, ...options }: StoreCompressedOptions,
): Promise<Result> {
  if (storage === undefined || result.storage?.type === storage) return result;
  const { engine, release } = await openEngine(model, options.engine);
  try {
    const inputs = result.calibration?.name === 'generated' ? undefined : result.calibration;
    return { ...result, ...(await storeWeights(result.model, storage, { ...options, engine, inputs })) };
  } finally {
    await release();
  }
}
