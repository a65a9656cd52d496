/** From what an IO handler loads to a model of either kind. */
import { InputError, type Model } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { type Artifacts, fromModelArtifacts } from './artifacts/artifacts.js';
import type { Host } from './host.js';
import { LayersModel } from './layers-model/layers-model.js';

/** @throws InputError `BAD_FILE` or `UNSUPPORTED` */
export async function openModel(loaded: io.ModelArtifacts, host: Host): Promise<Model> {
  const artifacts = await fromModelArtifacts(loaded);
  if (isGraph(artifacts)) throw new InputError('UNSUPPORTED', 'graph models are not read yet');
  return new LayersModel(artifacts, host);
}

function isGraph({ topology, metadata }: Artifacts): boolean {
  return metadata.format === 'graph-model' || (metadata.format === undefined && Array.isArray(topology.node));
}
