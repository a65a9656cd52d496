/** Rewrites the weights that a layer has per feature. */
import type { FeatureRewrite } from '@spherize/core';
import { storedAs } from '../artifacts/storage.js';
import { floatValues, floatWeight, type Weight } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import type { Place } from './classes/layer-class.js';
import type { LayerDef } from './layer-graph.js';
import type { LayerWeights } from './layer-weights.js';

/**
 * A layer with parameters per feature, and its weights with the features reordered and multiplied.
 *
 * @param place where the features lie in what the layer reads
 * @param weights in which the layer's are replaced
 */
export function rewriteFeatures(
  def: LayerDef,
  { operation, order, scales }: FeatureRewrite,
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
      weights.set(name!, transformed(stored, operation, behind, order, factors));
    } else if (added !== undefined && scales !== null) {
      config = { ...config, ...added };
      const own = `${def.name}/${weight}`;
      weights.set(own, floatWeight(own, [scales.length], scales));
    }
  }
  if (order !== null && size !== undefined) config = { ...config, [size]: order.length };
  return { ...def, config };
}

/** @param back how many axes lie behind that of the features */
function transformed(
  weight: Weight,
  owner: string,
  back: number,
  order: Int32Array | null,
  scales: Float32Array | null,
): Weight {
  if (order === null && scales === null) return weight;
  const { name, shape } = weight.spec;
  const axis = shape.length - 1 - back;
  const features = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const values = floatValues(weight);
  const outer = values.length / (features * inner);
  const width = order?.length ?? features;
  const result = new Float32Array(outer * width * inner);
  for (let row = 0; row < outer; row++) {
    for (let i = 0; i < width; i++) {
      const from = (row * features + (order ? order[i]! : i)) * inner;
      const to = (row * width + i) * inner;
      for (let j = 0; j < inner; j++) {
        const value = values[from + j]!;
        result[to + j] = scales ? value * scales[i]! : value;
      }
    }
  }
  return storedAs(
    weight,
    owner,
    name,
    shape.map((size, i) => (i === axis ? width : size)),
    result,
  );
}
