import { InputError } from '../errors.js';
import type { Model, TensorInfo } from '../format/model-format.js';
import { generatedInputs } from './generated-inputs.js';
import { sizedInputs } from './input-shapes.js';

/** Lengths that are tried for free axes: the usual ones first. */
const LENGTHS = [undefined, 16, 4, 1] as const;

/** Models never change: each is run for it once. */
const settled = new WeakMap<Model, Promise<readonly TensorInfo[]>>();

/**
 * A model's inputs with a length for each free axis but those that count samples, such that the model runs on `generatedInputs` of them. A
 * model of one input without such axes is not run.
 *
 * @throws InputError `UNSUPPORTED` where inputs cannot be generated, or the model runs on none of them
 */
export function settledInputs(model: Model): Promise<readonly TensorInfo[]> {
  let found = settled.get(model);
  if (found === undefined) {
    found = settle(model);
    settled.set(model, found);
  }
  return found;
}

async function settle(model: Model): Promise<readonly TensorInfo[]> {
  const { inputs } = model;
  const free = inputs.some(({ shape }) => shape.includes(undefined, 1));
  if (inputs.length === 1 && !free) return inputs;
  const session = await model.session();
  let reason = '';
  try {
    for (const length of free ? LENGTHS : [undefined]) {
      const sized = sizedInputs(inputs, 1, length).map(({ shape, batchAxis, ...input }, i) => ({
        ...input,
        shape: shape.map((size, axis) => (axis === batchAxis ? inputs[i]!.shape[axis] : size)),
      }));
      // Two samples: what holds for one alone may not hold for more.
      for await (const batch of generatedInputs(sized, { samples: 2 }).batches()) {
        try {
          await session.run(batch);
          return sized;
        } catch (error) {
          reason ||= error instanceof Error ? error.message.split('\n')[0]! : String(error);
        }
      }
    }
  } finally {
    await session.release();
  }
  throw new InputError(
    'UNSUPPORTED',
    `calibration: the model does not run on generated inputs (${reason}): give data, or the lengths of its free axes`,
  );
}
