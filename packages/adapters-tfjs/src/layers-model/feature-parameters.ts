/** Rewrites the weights that a layer has per feature. */
import { type FeatureRewrite, type FeatureTransform, featuresAfter, transformFeatures } from '@spherize/core';
import { storedAs } from '../artifacts/storage.js';
import { floatValues, floatWeight, type Weight } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import type { Place } from './classes/layer-class.js';
import type { LayerDef } from './layer-graph.js';
import type { LayerWeights } from './layer-weights.js';

/**
 * A layer with parameters per feature, and its weights with the features reordered, multiplied and added up.
 *
 * @param place where the features lie in what the layer reads
 * @param weights in which the layer's are replaced
 */
export function rewriteFeatures(
  def: LayerDef,
  { operation, order, scales, sums }: FeatureRewrite,
  place: Place,
  weights: Map<string, Weight>,
  names: LayerWeights,
): LayerDef {
  const { parameters, size } = classOf(def.className)!;
  let { config } = def;
  for (const { weight, back, scaling, added } of parameters) {
    const name = names.find(def.name, weight);
    const stored = name === undefined ? undefined : weights.get(name);
    const factors = scaling === 'multiply' ? scales : null;
    if (stored !== undefined) {
      const behind = back === 'input' ? (place ?? 0) : back;
      weights.set(name!, transformed(stored, operation, behind, { order, scales: factors, sums }));
    } else if (added !== undefined && scales !== null) {
      config = { ...config, ...added };
      const own = `${def.name}/${weight}`;
      weights.set(own, floatWeight(own, [scales.length], scales));
    }
  }
  if (size !== undefined && (order !== null || sums !== undefined)) {
    const features = Number(config[size]);
    config = { ...config, [size]: featuresAfter({ order, scales, sums }, features) };
  }
  return { ...def, config };
}

/** @param back how many axes lie behind that of the features */
function transformed(weight: Weight, owner: string, back: number, change: FeatureTransform): Weight {
  const { order, scales, sums } = change;
  if (order === null && scales === null && sums === undefined) return weight;
  const { name, shape } = weight.spec;
  const axis = shape.length - 1 - back;
  const features = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const values = floatValues(weight);
  const result = transformFeatures(values, [values.length / (features * inner), features, inner], change);
  const width = featuresAfter(change, features);
  return storedAs(
    weight,
    owner,
    name,
    shape.map((size, i) => (i === axis ? width : size)),
    result,
  );
}
