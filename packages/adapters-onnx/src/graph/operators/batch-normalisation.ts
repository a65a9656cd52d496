import type { NodeProto } from 'onnx-buf';
import { floatAttribute, intAttribute } from '../../proto/onnx-protos.js';
import { floatValues, isFloatType } from '../../proto/tensor-values.js';
import type { GraphIndex } from '../../tensors/graph-index.js';

/** What a BatchNormalization does to each feature at inference: `factor·v + shift`. */
export interface ChannelScales {
  /** `γ / √(σ² + ε)`. */
  readonly factors: Float32Array;
  /** `β − μγ / √(σ² + ε)`. */
  readonly shifts: Float32Array;
  /** What stands for γ, μ and σ² by their slots where every factor is one. */
  readonly neutral: Readonly<Record<number, number>>;
}

/** Undefined for another operator, and where the parameters are no constants of floats or give infinite factors. */
export function channelScales(node: NodeProto, index: GraphIndex): ChannelScales | undefined {
  if (node.opType !== 'BatchNormalization') return undefined;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const [gamma, beta, mean, variance] = node.input.slice(1).map((name) => {
    const tensor = index.constant(name);
    return tensor !== undefined && isFloatType(tensor.dataType) ? floatValues(tensor) : undefined;
  });
  if (!gamma || !beta || !mean || !variance) return undefined;
  const exact = Float64Array.from(gamma, (value, i) => value / Math.sqrt(variance[i]! + epsilon));
  const factors = Float32Array.from(exact);
  const shifts = Float32Array.from(beta, (value, i) => value - mean[i]! * exact[i]!);
  if (![...factors, ...shifts].every(Number.isFinite)) return undefined;
  return { factors, shifts, neutral: { 1: Math.sqrt(1 + epsilon), 3: 0, 4: 1 } };
}

/** Whether a normalisation takes the mean and variance that are stored, and gives no new ones. */
export function isInference(node: NodeProto): boolean {
  return intAttribute(node, 'training_mode', 0) === 0 && node.output.slice(1).every((name) => !name);
}
