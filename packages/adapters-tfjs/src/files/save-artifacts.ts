/** Saves a model where TensorFlow.js can: `downloads://name`, `indexeddb://name`, or a URL that takes uploads. */
import { InputError } from '@spherize/core';
import * as tf from '@tensorflow/tfjs-core';
import { type Artifacts, toModelArtifacts } from '../artifacts/artifacts.js';

/**
 * @returns number of bytes of the weights
 * @throws InputError `BAD_ARGUMENT` for a target that TensorFlow.js does not save to
 */
export async function saveArtifacts(artifacts: Artifacts, target: string): Promise<number> {
  const [handler] = tf.io.getSaveHandlers(target);
  if (handler?.save === undefined) {
    throw new InputError(
      'BAD_ARGUMENT',
      `cannot save to ${target}: give downloads://NAME or indexeddb://NAME`,
    );
  }
  const model = toModelArtifacts(artifacts);
  await handler.save(model);
  return [...artifacts.weights.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
}
