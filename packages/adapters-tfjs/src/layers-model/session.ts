/** Runs LayersModels with TensorFlow.js. */
import { type ModelSession, Pause, type Tensor, type TensorInfo } from '@spherize/core';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { type Artifacts, toModelArtifacts } from '../artifacts/artifacts.js';
import { isObject, type Json, type JsonObject } from '../artifacts/json.js';
import { fromTf, toTf } from '../runtime/feeds.js';
import { refusal } from '../runtime/refusal.js';

/** @throws InputError `BAD_FILE` when TensorFlow.js refuses the model, `UNSUPPORTED` when it does not know a layer's class */
export async function startLayersSession(
  artifacts: Artifacts,
  inputs: readonly TensorInfo[],
  outputs: readonly string[],
): Promise<ModelSession> {
  const tf = await import('@tensorflow/tfjs-core');
  const tfl = await import('@tensorflow/tfjs-layers');
  const { trainingConfig, modelTopology, ...rest } = toModelArtifacts(artifacts);
  const loaded = { ...rest, modelTopology: withoutInitializers(modelTopology as JsonObject) };
  const model = await tfl.loadLayersModel(tf.io.fromMemory(loaded)).catch((error: unknown) => {
    throw refusal('load', tf.getBackend(), error);
  });
  // A run never waits for anything: without a pause, a loop of them would keep Ctrl-C and timers out.
  const pause = new Pause(undefined);
  return {
    async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      await pause.point();
      const tensors: TfTensor[] = [];
      let results: TfTensor[] = [];
      try {
        for (const input of inputs) tensors.push(toTf(tf.tensor, input, feeds[input.name]));
        results = [model.predictOnBatch(tensors.length === 1 ? tensors[0]! : tensors)].flat();
        return await fromTf(outputs, results);
      } catch (error) {
        throw refusal('run', tf.getBackend(), error);
      } finally {
        tf.dispose([...tensors, ...results]);
      }
    },
    async release(): Promise<void> {
      model.dispose();
    },
  };
}

/**
 * The topology with zeros for all weights to begin with: those of the model follow at once. Orthogonal matrices, with which recurrent layers
 * begin by default, take long, and are computed by methods of tensors that not every build of TensorFlow.js has.
 */
function withoutInitializers(topology: Json): JsonObject {
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key.endsWith('_initializer') && inner !== null
          ? { class_name: 'Zeros', config: {} }
          : visit(inner as Json),
      ]),
    );
  };
  return visit(topology) as JsonObject;
}
