/** Counts the multiplications of weights with what a LayersModel computes, per sample, from the shapes. */
import { classOf } from './classes/class-table.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** Undefined when a size is open, or a layer's multiplications are unknown. */
export function multiplyAccumulates(facts: LayersModelFacts): number | undefined {
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
