/** From what an IO handler loads to a model of either kind. */
import { InputError, type Model } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { type Artifacts, fromModelArtifacts } from './artifacts/artifacts.js';
import { requireFinite } from './artifacts/finite-weights.js';
import { checkGraph } from './graph-model/check-graph.js';
import { GraphModel } from './graph-model/graph-model.js';
import { GraphIndex } from './graph-model/nodes/graph-index.js';
import type { Host } from './host.js';
import { checkLayerGraph } from './layers-model/check-layer-graph.js';
import { parseLayerGraph } from './layers-model/layer-graph.js';
import { LayersModel } from './layers-model/layers-model.js';

/** @throws InputError `BAD_FILE` or `UNSUPPORTED` */
export async function openModel(loaded: io.ModelArtifacts, host: Host): Promise<Model> {
  const artifacts = await fromModelArtifacts(loaded);
  if (isGraph(artifacts)) {
    const index = new GraphIndex(artifacts);
    checkGraph(index);
    return new GraphModel(artifacts, host, index);
  }
  const graph = parseLayerGraph(artifacts.topology);
  checkLayerGraph(graph);
  for (const weight of artifacts.weights.values()) {
    if (weight.spec.group !== 'optimizer') requireFinite(weight);
  }
  return new LayersModel(artifacts, host, graph);
}

function isGraph({ topology, metadata }: Artifacts): boolean {
  return (
    metadata.format === 'graph-model' || (metadata.format !== 'layers-model' && Array.isArray(topology.node))
  );
}

/** @throws InputError `BAD_ARGUMENT` for a model of another package */
export function artifactsOf(model: Model): Artifacts {
  if (model instanceof LayersModel || model instanceof GraphModel) return model.artifacts;
  throw new InputError('BAD_ARGUMENT', 'the model is of another format: it has no TensorFlow.js files');
}
