/** TensorFlow.js models in Node: files, and the fastest backend that loads. */
import type { MatrixEngine, Model, ModelFormat } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import type { LoadedArtifacts } from './artifacts/loaded-artifacts.js';
import { readFiles } from './files/read-files.js';
import { writeFiles } from './files/write-files.js';
import type { Host } from './host.js';
import { openModel } from './open-model.js';
import { engineOn } from './runtime/matrix-engine.js';
import { silenceGreeting, startNodeBackend } from './runtime/node-backend.js';

const host: Host = {
  async start() {
    await startNodeBackend();
  },
  engine: tfjsEngine,
  write: writeFiles,
};

/** Reads LayersModels and GraphModels: a `model.json`, or any other file named `*.json`, with its shards beside it. */
export const tfjsFormat: ModelFormat = {
  name: 'tfjs',
  matches: (source) => /\.json$/i.test(source),
  async read(source: string): Promise<{ model: Model; bytes: number; files: readonly string[] }> {
    const { artifacts, bytes, files } = await readFiles(source);
    return { model: await tfjsModel(artifacts), bytes, files };
  },
  runtime: startNodeBackend,
};

/**
 * The model of artifacts in memory, such as an IO handler of TensorFlow.js loads. Float32 weights are viewed, not copied: leave
 * them as they are.
 *
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`
 */
export async function tfjsModel(artifacts: LoadedArtifacts): Promise<Model> {
  await silenceGreeting();
  return openModel(artifacts as io.ModelArtifacts, host);
}

/** Matrix products on the backend that runs models. */
export async function tfjsEngine(): Promise<MatrixEngine> {
  const backend = await startNodeBackend();
  return engineOn(backend.replace(/ .*/, ''));
}

export type { LoadedArtifacts } from './artifacts/loaded-artifacts.js';
export { type PassedOverBackend, passedOverBackends, startNodeBackend } from './runtime/node-backend.js';
