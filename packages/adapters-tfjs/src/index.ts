/** TensorFlow.js models in browsers and workers, on whatever backend the page registered. */
import type { MatrixEngine, Model } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { type Artifacts, toModelArtifacts } from './artifacts/artifacts.js';
import { type ModelFile, modelFiles } from './files/model-json.js';
import { readBrowserFiles, readUrl } from './files/read-browser.js';
import type { Host } from './host.js';
import { artifactsOf, openModel } from './open-model.js';
import { engineOn } from './runtime/matrix-engine.js';
import { startRegisteredBackend } from './runtime/registered-backend.js';

const host: Host = {
  async start() {
    await startRegisteredBackend();
  },
  engine: tfjsEngine,
  async write(artifacts: Artifacts, target: string) {
    const { saveArtifacts } = await import('./files/save-artifacts.js');
    return saveArtifacts(artifacts, target);
  },
};

/**
 * The model of artifacts in memory, such as an IO handler of TensorFlow.js loads.
 *
 * @throws InputError `BAD_FILE` or `UNSUPPORTED`
 */
export function tfjsModel(artifacts: io.ModelArtifacts): Promise<Model> {
  return openModel(artifacts, host);
}

/**
 * Reads a model from files that a user chose or dropped: a `model.json` and its shards, in any order.
 *
 * @throws InputError `NOT_FOUND` when a file is missing, `BAD_FILE` or `UNSUPPORTED`
 */
export async function modelFromFiles(files: readonly File[]): Promise<Model> {
  return tfjsModel(await readBrowserFiles(files));
}

/**
 * Reads a model from the URL of its `model.json`; the shards lie beside it.
 *
 * @throws InputError `NOT_FOUND`, `BAD_FILE` or `UNSUPPORTED`
 */
export async function modelFromUrl(url: string): Promise<Model> {
  return tfjsModel(await readUrl(url));
}

/**
 * The files of a model of this package, to be downloaded or stored: shards of at most 4 MB, and the `model.json` last.
 *
 * @param name what to call the model.json. Default `model.json`
 */
export function tfjsFiles(model: Model, name = 'model.json'): ModelFile[] {
  return modelFiles(artifactsOf(model), name);
}

/** What TensorFlow.js loads: `tf.loadLayersModel(tf.io.fromMemory(loadable(model)))`. */
export function loadable(model: Model): io.ModelArtifacts {
  return toModelArtifacts(artifactsOf(model));
}

/** Matrix products on the page's backend. */
export async function tfjsEngine(): Promise<MatrixEngine> {
  return engineOn(await startRegisteredBackend());
}

export type { ModelFile } from './files/model-json.js';
export { startRegisteredBackend } from './runtime/registered-backend.js';
