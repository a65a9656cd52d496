import type { StoredStatistics } from '@spherize/core';
import { floatValues, isFloat } from '../artifacts/weights.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** What BatchNormalization layers of the last axis hold of what they read. */
export function storedStatistics({ features, names, weights }: LayersModelFacts): StoredStatistics[] {
  return features.operations.flatMap(({ name, label, inputs, flow }) => {
    if (label !== 'BatchNormalization' || flow.type !== 'elementwise') return [];
    const def = features.def(name)!;
    const [mean, variance] = ['moving_mean', 'moving_variance'].map((own) => {
      const weight = weights.get(names.find(def.name, own) ?? '');
      return weight && isFloat(weight) ? floatValues(weight) : undefined;
    });
    return mean && variance ? [{ tensor: inputs[0]!, axis: -1, mean, variance }] : [];
  });
}
