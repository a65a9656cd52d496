import type { Model } from '../format/model-format.js';

/**
 * Multiplications of one run at most: about a quarter of a second of two idle processors. A run cannot be interrupted, so that this bounds
 * how long Ctrl-C waits.
 */
const MULTIPLICATIONS_PER_RUN = 2 ** 33;

/** The number of samples to run at a time: what was asked for, or as many as fit into one run. */
export async function samplesPerRun(model: Model, batch: number): Promise<number> {
  const perSample = await model.multiplyAccumulates?.().catch(() => undefined);
  if (!perSample) return batch;
  return Math.max(1, Math.min(batch, Math.floor(MULTIPLICATIONS_PER_RUN / perSample)));
}
