import type { StoredStatistics } from '@spherize/core';
import { floatValues, isFloat } from '../artifacts/weights.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { channelsLast } from './nodes/node-def.js';

/** What FusedBatchNorm nodes of inference hold of the channels that they read, where it is constant. TensorFlow.js takes channels last alone. */
export function storedStatistics({ index, features }: GraphModelFacts): StoredStatistics[] {
  return features.operations.flatMap(({ name, flow }) => {
    const node = features.nodeOf(name);
    const normalises = node.op.startsWith('FusedBatchNorm') && flow.type === 'elementwise';
    if (!normalises || !channelsLast(node)) return [];
    const [tensor, , , ...stored] = node.input;
    const [mean, variance] = stored.map((slot) => {
      const weight = index.constant(slot)?.weight;
      return weight && isFloat(weight) ? floatValues(weight) : undefined;
    });
    return mean && variance ? [{ tensor: tensor!, axis: -1, mean, variance }] : [];
  });
}
