/** The trial that is kept: as a whole model, proved. */
import type { LongRunOptions } from '../cancellation.js';
import { type AssembledModel, columnReductions } from '../pipeline/assemble-model.js';
import type { CompressedModel } from '../pipeline/compressed-model.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import { verifyRewrite } from '../proof/verify-rewrite.js';
import type { Trials } from './trials.js';

export interface ProveTrialOptions extends LongRunOptions {
  /** Of the generated inputs of the proof. Default 0. */
  readonly seed?: number | undefined;
  /** Asked before the inputs of the proof are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/**
 * @param tail as `trials.assemble` gives it
 * @param whole the model with the same layers, as `trials.whole` gives it
 * @throws ProofError as `verifyRewrite` does
 */
export async function provedTrial(
  trials: Trials,
  tail: AssembledModel,
  whole: AssembledModel,
  { seed = 0, signal, requireMemory, onProgress }: ProveTrialOptions,
): Promise<CompressedModel> {
  const layers = whole.layers.map((layer, i) => {
    const { calibration } = tail.layers[i]!;
    return { ...layer, ...(calibration && { calibration }) };
  });
  signal?.throwIfAborted();
  onProgress?.({ phase: 'target', done: 0, total: undefined, detail: 'proof' });
  const proof = await verifyRewrite(trials.model, whole, { seed, signal, requireMemory });
  const reductions = columnReductions(layers);
  return { ...whole, layers, reductions, calibration: trials.calibration, proof };
}
