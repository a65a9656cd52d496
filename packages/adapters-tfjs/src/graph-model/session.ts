/** Runs graph models with TensorFlow.js. */
import { type ModelSession, Pause, type Tensor, type TensorInfo } from '@spherize/core';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { type Artifacts, toModelArtifacts } from '../artifacts/artifacts.js';
import { backToTf, fromTf, toTf } from '../runtime/feeds.js';
import { refusal } from '../runtime/refusal.js';

/** Of what TensorFlow.js says when a graph has to be run step by step. */
const NEEDS_STEPS = /dynamic|control flow|executeAsync/i;

/**
 * @param outputs names of the tensors to compute
 * @param given nodes in place of which tensors are fed, by the tensors' names, where they are called otherwise or take any type
 * @throws InputError `BAD_FILE` when TensorFlow.js refuses the model, `UNSUPPORTED` when it does not know one of its operations
 */
export async function startGraphSession(
  artifacts: Artifacts,
  inputs: readonly TensorInfo[],
  outputs: readonly string[],
  given: ReadonlyMap<string, string>,
): Promise<ModelSession> {
  const tf = await import('@tensorflow/tfjs-core');
  const { loadGraphModel } = await import('@tensorflow/tfjs-converter');
  const model = await loadGraphModel(tf.io.fromMemory(toModelArtifacts(artifacts))).catch(
    (error: unknown) => {
      throw refusal('load', tf.getBackend(), error);
    },
  );
  // A constant that is asked for is the model's own.
  const weights = new Set(Object.values(model.weights).flat());
  const names = outputs.map((name) => given.get(name) ?? name);
  let stepwise = false;
  const execute = async (feeds: Record<string, TfTensor>): Promise<TfTensor[]> => {
    if (!stepwise) {
      try {
        return [model.execute(feeds, names)].flat();
      } catch (error) {
        if (!(error instanceof Error && NEEDS_STEPS.test(error.message))) throw error;
        stepwise = true;
      }
    }
    return [await model.executeAsync(feeds, names)].flat();
  };
  // A run never waits for anything: without a pause, a loop of them would keep Ctrl-C and timers out.
  const pause = new Pause(undefined);
  return {
    async run(values: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      await pause.point();
      const feeds: Record<string, TfTensor> = {};
      let results: TfTensor[] = [];
      try {
        for (const input of inputs) {
          const node = given.get(input.name);
          const value = values[input.name];
          feeds[node ?? input.name] =
            node === undefined ? toTf(tf.tensor, input, value) : backToTf(tf.tensor, input, value);
        }
        results = await execute(feeds);
        return await fromTf(outputs, results);
      } catch (error) {
        throw refusal('run', tf.getBackend(), error);
      } finally {
        tf.dispose([...Object.values(feeds), ...results.filter((tensor) => !weights.has(tensor))]);
      }
    },
    async release(): Promise<void> {
      model.dispose();
    },
  };
}
