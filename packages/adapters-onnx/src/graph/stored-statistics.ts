import type { StoredStatistics } from '@spherize/core';
import { isStandard } from '../proto/onnx-protos.js';
import { floatValues, isFloatType } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { OnnxModelFeatureGraph } from './feature-graph.js';
import { isInference } from './operators/batch-normalisation.js';

/** What BatchNormalizations of inference hold of the channels that they read, where it is constant. */
export function storedStatistics(index: GraphIndex, features: OnnxModelFeatureGraph): StoredStatistics[] {
  return features.operations.flatMap(({ name }) => {
    const node = features.nodeOf(name);
    if (node.opType !== 'BatchNormalization' || !isStandard(node) || !isInference(node)) return [];
    const [tensor, , , ...stored] = node.input;
    const rank = features.shape(tensor!)?.length;
    const [mean, variance] = stored.map((slot) => {
      const constant = index.constantSource(slot)?.tensor;
      return constant && isFloatType(constant.dataType) ? floatValues(constant) : undefined;
    });
    if (rank === undefined || !mean || !variance || mean.length !== variance.length) return [];
    return [{ tensor: tensor!, axis: 1 - rank, mean, variance }];
  });
}
