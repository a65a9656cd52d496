/** The weights that a layer has per feature, on their last axis or as a whole. */
import type { FeatureRewrite } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { storedAs } from '../artifacts/storage.js';
import { floatValues, floatWeight, sizeOf, type Weight, type Weights } from '../artifacts/weights.js';
import type { LayerDef } from './layer-graph.js';
import type { LayerWeights } from './layer-weights.js';

interface FeatureParameter {
  readonly weight: string;
  /** Whether factors of the layer's outputs multiply it. */
  readonly scaled: boolean;
}

const scaled = (weight: string): FeatureParameter => ({ weight, scaled: true });
const reordered = (weight: string): FeatureParameter => ({ weight, scaled: false });

const PARAMETERS: Readonly<Record<string, readonly FeatureParameter[]>> = {
  Conv1D: [scaled('kernel'), scaled('bias')],
  Conv2D: [scaled('kernel'), scaled('bias')],
  Conv3D: [scaled('kernel'), scaled('bias')],
  SeparableConv2D: [scaled('pointwise_kernel'), scaled('bias')],
  DepthwiseConv2D: [scaled('depthwise_kernel'), scaled('bias')],
  BatchNormalization: [
    scaled('gamma'),
    scaled('beta'),
    reordered('moving_mean'),
    reordered('moving_variance'),
  ],
  PReLU: [reordered('alpha')],
};

/** Number of features that the named weight of a layer has, or undefined when it is not there. */
export function featureCount(
  layer: string,
  weight: string,
  weights: Weights,
  names: LayerWeights,
): number | undefined {
  const name = names.find(layer, weight);
  const found = name === undefined ? undefined : weights.get(name);
  return found && sizeOf(found.spec.shape);
}

/** Number of features that a layer's parameters are for. */
function featuresOf({ name, className, config }: LayerDef, weights: Weights, names: LayerWeights): number {
  if (typeof config.filters === 'number') return config.filters;
  const whole =
    className === 'PReLU' ? 'alpha' : className === 'DepthwiseConv2D' ? 'depthwise_kernel' : 'moving_mean';
  const features = featureCount(name, whole, weights, names);
  if (features === undefined) throw new Error(`${className} ${name} has no ${whole}`);
  return features;
}

/**
 * A layer with parameters per feature, and its weights with the features reordered and multiplied.
 *
 * @param weights in which the layer's are replaced
 */
export function rewriteFeatures(
  def: LayerDef,
  { operation, order, scales }: FeatureRewrite,
  weights: Map<string, Weight>,
  names: LayerWeights,
): LayerDef {
  const features = featuresOf(def, weights, names);
  let config: JsonObject = def.config;
  for (const { weight, scaled } of PARAMETERS[def.className]!) {
    const name = names.find(def.name, weight);
    const stored = name === undefined ? undefined : weights.get(name);
    const factors = scaled ? scales : null;
    if (stored !== undefined) {
      weights.set(name!, transformed(stored, operation, features, order, factors));
    } else if (weight === 'gamma' && scales !== null) {
      // A normalisation without γ gets one.
      config = { ...config, scale: true };
      const own = `${def.name}/gamma`;
      weights.set(own, floatWeight(own, [scales.length], scales));
    }
  }
  if (order !== null && 'filters' in config) config = { ...config, filters: order.length };
  return { ...def, config };
}

function transformed(
  weight: Weight,
  owner: string,
  features: number,
  order: Int32Array | null,
  scales: Float32Array | null,
): Weight {
  if (order === null && scales === null) return weight;
  const { name, shape } = weight.spec;
  const values = floatValues(weight);
  const rows = values.length / features;
  const width = order?.length ?? features;
  const result = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const value = values[row * features + (order ? order[i]! : i)]!;
      result[row * width + i] = scales ? value * scales[i]! : value;
    }
  }
  const axis = shape.lastIndexOf(features);
  return storedAs(
    weight,
    owner,
    name,
    shape.map((size, i) => (i === axis ? width : size)),
    result,
  );
}
