/** Builds small LayersModels in code and puts them into folders as TensorFlow.js saves them. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as tfl from '@tensorflow/tfjs-layers';
import { startNodeBackend } from '../src/node.js';

export { tf, tfl };

await startNodeBackend();

/** The same standard normal numbers for the same seed. */
export function randomWeights(model: tfl.LayersModel, seed = 1): tfl.LayersModel {
  const weights = model.weights.map((weight, i) => {
    const values = tf.randomNormal(weight.shape as number[], 0, 0.5, 'float32', seed + i);
    // A variance is positive.
    return weight.name.includes('variance') ? tf.abs(values) : values;
  });
  model.setWeights(weights);
  return model;
}

/** A new folder for models. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'spherize-tfjs-'));
}

/** What TensorFlow.js would save. */
export async function artifactsOf(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return saved!;
}

/** Writes `<name>.json` and shards of some size, as the converter does. */
export async function saveModel(
  artifacts: tf.io.ModelArtifacts,
  folder: string,
  { name = 'model', shardBytes = 200 }: { name?: string; shardBytes?: number } = {},
): Promise<string> {
  const { weightSpecs, weightData, modelTopology, ...metadata } = artifacts;
  const bytes = Buffer.concat([weightData!].flat().map((part) => new Uint8Array(part)));
  const paths: string[] = [];
  for (let at = 0; at < bytes.length; at += shardBytes) {
    const path = `${name}-shard${paths.length + 1}.bin`;
    await writeFile(join(folder, path), bytes.subarray(at, at + shardBytes));
    paths.push(path);
  }
  const target = join(folder, `${name}.json`);
  const weightsManifest = [{ paths, weights: weightSpecs }];
  await writeFile(target, JSON.stringify({ ...metadata, modelTopology, weightsManifest }));
  return target;
}
