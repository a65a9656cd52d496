/**
 * Where the order of a layer's columns does not fold, its columns go through stages (see `column-stages.ts`), whose multiplications and bytes
 * the smaller product has to save.
 */
import { planFold } from '@spherize/core';
import { bytesPerValue } from '../artifacts/storage.js';
import { shapeOfStages } from './column-stages.js';
import type { DenseLayer } from './fc-layers.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** What a multiplication of a depthwise convolution costs against one of a product: measured on the wasm backend, see `bench/README.md`. */
const COST_OF_A_STAGE = 4;
/** What the layers of the stages take in a model.json. */
const BYTES_OF_LAYERS = 4000;
const BYTES_OF_A_FACTOR = 4;

/** By layer: `FcLayer.mostClusters`, for those whose order does not fold. */
export function mostClusters(facts: LayersModelFacts): ReadonlyMap<string, number> {
  return new Map(
    facts.layers
      .filter(({ layer }) => planFold(facts.description, layer.input, layer.inputs).orderInto === null)
      .map((layer) => [layer.layer.name, mostOf(facts, layer)]),
  );
}

function mostOf({ weights }: LayersModelFacts, { layer, kernel }: DenseLayer): number {
  const { inputs, outputs } = layer;
  const bytes = bytesPerValue([weights.get(kernel)!]);
  let clusters = inputs - 1;
  for (; clusters > 0; clusters--) {
    const { multiplications } = shapeOfStages(inputs, clusters);
    const saved = outputs * (inputs - clusters);
    const added = multiplications + BYTES_OF_A_FACTOR * inputs + BYTES_OF_LAYERS;
    if (COST_OF_A_STAGE * multiplications < saved && added < bytes * saved) break;
  }
  return clusters;
}
