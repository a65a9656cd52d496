/** Counts the multiplications of weights with what a LayersModel computes, per sample, from the shapes. */
import type { TensorInfo } from '@spherize/core';
import { classOf } from './classes/class-table.js';
import { INPUT_LAYER } from './layer-graph.js';
import { LayersModelFacts } from './layers-model-facts.js';

/**
 * Undefined when a size is open, or a layer's multiplications are unknown.
 *
 * @param inputs the model's inputs, with free axes set
 */
export function multiplyAccumulates(
  model: LayersModelFacts,
  inputs: readonly TensorInfo[],
): number | undefined {
  const facts = withShapes(model, inputs);
  const weighted = facts.weighted();
  let total = 0;
  for (const def of facts.graph.layers) {
    const products = classOf(def.className)?.products ?? (weighted.has(def) ? 'uncounted' : 'none');
    if (products === 'none') continue;
    if (products === 'uncounted') return undefined;
    for (let call = 0; call < def.calls.length; call++) {
      const multiplications = products(facts.factsOf(def, call));
      if (multiplications === undefined) return undefined;
      total += multiplications;
    }
  }
  return total;
}

function withShapes({ graph, weights }: LayersModelFacts, inputs: readonly TensorInfo[]): LayersModelFacts {
  const given = new Map(inputs.map(({ name, shape }) => [name, shape]));
  const layers = graph.layers.map((def) => {
    const shape = given.get(def.name);
    if (def.className !== INPUT_LAYER || shape === undefined) return def;
    const lengths = shape.map((length) => length ?? null);
    return { ...def, config: { ...def.config, batch_input_shape: lengths } };
  });
  return new LayersModelFacts({ ...graph, layers }, weights);
}
