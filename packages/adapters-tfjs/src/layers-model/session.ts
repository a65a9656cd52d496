/** Runs LayersModels with TensorFlow.js. */
import { InputError, type ModelSession, type Tensor, type TensorInfo } from '@spherize/core';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { type Artifacts, toModelArtifacts } from '../artifacts/artifacts.js';

/** @throws InputError `BAD_FILE` when TensorFlow.js refuses the model */
export async function startLayersSession(
  artifacts: Artifacts,
  inputs: readonly TensorInfo[],
  outputs: readonly string[],
): Promise<ModelSession> {
  const tf = await import('@tensorflow/tfjs-core');
  const tfl = await import('@tensorflow/tfjs-layers');
  const { registerColumnGather } = await import('./column-gather.js');
  registerColumnGather();
  const { trainingConfig, ...loaded } = toModelArtifacts(artifacts);
  const model = await tfl.loadLayersModel(tf.io.fromMemory(loaded)).catch((error: unknown) => {
    throw refusal('load', error);
  });
  return {
    async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      const tensors = inputs.map(({ name, integral }) => {
        const feed = feeds[name];
        if (feed === undefined) throw new InputError('BAD_ARGUMENT', `the model's input ${name} is missing`);
        return tf.tensor(feed.data, [...feed.shape], integral ? 'int32' : 'float32');
      });
      let results: TfTensor[] = [];
      try {
        results = [model.predictOnBatch(tensors.length === 1 ? tensors[0]! : tensors)].flat();
        const values = await Promise.all(results.map((result) => result.data()));
        return Object.fromEntries(
          outputs.map((name, i) => [name, { shape: results[i]!.shape, data: Float32Array.from(values[i]!) }]),
        );
      } catch (error) {
        throw refusal('run', error);
      } finally {
        tf.dispose([...tensors, ...results]);
      }
    },
    async release(): Promise<void> {
      model.dispose();
    },
  };
}

function refusal(what: 'load' | 'run', cause: unknown): InputError {
  const [message] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
  return new InputError(
    'BAD_FILE',
    `TensorFlow.js cannot ${what} the model: ${message}; save or convert it again`,
    { cause },
  );
}
