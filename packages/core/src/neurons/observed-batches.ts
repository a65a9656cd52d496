/** Tensors of a model, batch by batch of some inputs. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { ModelFeatures } from '../format/feature-flow.js';
import type { Model, Tensor } from '../format/model-format.js';

/** Runs as much of the model as makes the tensors; its inputs are among what comes out, and need no run. */
export async function* observedBatches(
  model: Model,
  features: ModelFeatures,
  tensors: readonly string[],
  inputs: CalibrationInputs,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ feeds: Readonly<Record<string, Tensor>>; found: Readonly<Record<string, Tensor>> }> {
  const given = new Set(model.inputs.map(({ name }) => name));
  const observed = [...new Set(tensors)].filter((name) => !given.has(name));
  const session = observed.length > 0 ? await features.observe(observed).session() : undefined;
  try {
    for await (const feeds of inputs.batches(signal)) {
      signal?.throwIfAborted();
      yield { feeds, found: { ...feeds, ...(session && (await session.run(feeds))) } };
    }
  } finally {
    await session?.release();
  }
}
