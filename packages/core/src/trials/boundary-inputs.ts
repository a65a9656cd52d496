import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { Model, Tensor } from '../format/model-format.js';

/** Calibration inputs as they reach a cut through the model: the part before it runs once, and what it gives is kept. */
export async function boundaryInputs(
  head: Model | undefined,
  inputs: CalibrationInputs,
  signal?: AbortSignal,
): Promise<CalibrationInputs> {
  if (!head) return inputs;
  const session = await head.session();
  const kept: Record<string, Tensor>[] = [];
  try {
    for await (const batch of inputs.batches(signal)) {
      signal?.throwIfAborted();
      kept.push(await session.run(batch));
    }
  } finally {
    await session.release();
  }
  return {
    name: inputs.name,
    samples: inputs.samples,
    async *batches() {
      yield* kept;
    },
  };
}
