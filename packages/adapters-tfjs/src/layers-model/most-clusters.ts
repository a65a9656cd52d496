/**
 * What brings a layer's columns to their clusters takes bytes of the model.json, and where the order of the columns does not fold, stages
 * (see `column-stages.ts`) with multiplications and bytes of their own. The smaller product has to save more.
 */
import { planFold } from '@spherize/core';
import { bytesPerValue } from '../artifacts/storage.js';
import { shapeOfStages } from './column-stages.js';
import type { DenseLayer } from './fc-layers.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** What a multiplication of a depthwise convolution costs against one of a product: measured on the wasm backend, see `bench/README.md`. */
const COST_OF_A_STAGE = 5;
/** What the layers of the stages take in a model.json. */
const BYTES_OF_STAGES = 4000;
/** What the layers of a sum whose order folds take there, with their matrices and the links between all layers, beside their names. */
const BYTES_OF_A_SUM = 3000;
/** How often these say the name of the layer that they stand before. */
const NAMES_IN_A_SUM = 32;
const BYTES_OF_A_FACTOR = 4;

/** By layer: `FcLayer.mostClusters`, where not any number is worth it. */
export function mostClusters(facts: LayersModelFacts): ReadonlyMap<string, number> {
  return new Map(
    facts.layers.flatMap((dense) => {
      const { name, input, inputs } = dense.layer;
      const folds = planFold(facts.description, input, inputs).orderInto !== null;
      const most = folds ? mostOfFolded(facts, dense) : mostOfStaged(facts, dense);
      return folds && most === inputs - 1 ? [] : [[name, most]];
    }),
  );
}

/** Sums of neighbours take few multiplications, so that bytes decide. */
function mostOfFolded({ weights }: LayersModelFacts, { layer, kernel }: DenseLayer): number {
  const { name, inputs, outputs } = layer;
  const added = BYTES_OF_A_SUM + NAMES_IN_A_SUM * name.length;
  const columns = Math.floor(added / (bytesPerValue([weights.get(kernel)!]) * outputs)) + 1;
  return Math.max(0, inputs - columns);
}

function mostOfStaged({ weights }: LayersModelFacts, { layer, kernel }: DenseLayer): number {
  const { inputs, outputs } = layer;
  const bytes = bytesPerValue([weights.get(kernel)!]);
  let clusters = inputs - 1;
  for (; clusters > 0; clusters--) {
    const { multiplications } = shapeOfStages(inputs, clusters);
    const saved = outputs * (inputs - clusters);
    const added = multiplications + BYTES_OF_A_FACTOR * inputs + BYTES_OF_STAGES;
    if (COST_OF_A_STAGE * multiplications < saved && added < bytes * saved) break;
  }
  return clusters;
}
