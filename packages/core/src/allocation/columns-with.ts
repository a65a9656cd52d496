/** A trial with its tail, which holds what the refit measured, and as a whole model. */
import type { AssembledModel } from '../pipeline/assemble-model.js';
import type { Trials } from '../trials/trials.js';

/** Layers clustered at their ratios and refitted, all others as they are. */
export async function columnsWith(
  trials: Trials,
  ratios: ReadonlyMap<string, number>,
): Promise<{ tail: AssembledModel; whole: AssembledModel }> {
  const tail = await trials.assemble(await trials.cluster(ratios));
  return { tail, whole: await trials.whole(tail.compressed) };
}
