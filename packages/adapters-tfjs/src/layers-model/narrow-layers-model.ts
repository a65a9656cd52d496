/** Takes features out of a LayersModel as core says: the same layers, with less in them. */
import type { ModelNarrowing } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { narrowedConstant } from '../artifacts/narrowed-constant.js';
import { classOf } from './classes/class-table.js';
import type { LayersModelFeatureGraph } from './feature-graph.js';
import { INPUT_LAYER, type LayerDef, outputOf, tensorName } from './layer-graph.js';
import { narrowedKernel } from './layer-kernels.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import type { ModelPart } from './split-layers-model.js';

export function narrowLayersModel(
  { graph, weights: stored, names }: LayersModelFacts,
  features: LayersModelFeatureGraph,
  { layers, constants, sizes }: ModelNarrowing,
): ModelPart {
  // An optimizer's state fits the old shapes only.
  const weights = new Map([...stored].filter(([, { spec }]) => spec.group !== 'optimizer'));
  const changes = new Map<LayerDef, JsonObject>();
  const change = (def: LayerDef, entries: JsonObject): void => {
    changes.set(def, { ...changes.get(def), ...entries });
  };
  for (const [name, { weights: matrix, bias }] of layers) {
    const kernel = features.kernel(name);
    const { def, layout } = kernel;
    const narrowed = narrowedKernel(kernel, matrix, bias);
    for (const weight of narrowed.weights) weights.set(weight.spec.name, weight);
    const size = classOf(def.className)!.size;
    if (size !== undefined && layout !== 'depthwise') change(def, { [size]: narrowed.outputs });
    if (narrowed.weights.length > 1 && def.config.use_bias === false) change(def, { use_bias: true });
  }
  for (const { operation, slot, ...rest } of constants) {
    const def = features.def(operation)!;
    const name = names.find(def.name, classOf(def.className)!.parameters[slot]!.weight)!;
    weights.set(name, narrowedConstant(weights.get(name)!, { ...rest, operation: def.name }));
  }
  for (const def of graph.layers) {
    if (def.className === INPUT_LAYER) continue;
    const [read] = def.calls[0]!.inputs;
    const entry = classOf(def.className)?.sizes;
    for (const [key, tensor] of [
      [entry, tensorName(outputOf(def.name))],
      ['batch_input_shape', read && tensorName(read)],
    ] as const) {
      const shorter = tensor === undefined ? undefined : sizes.get(tensor);
      const before = key && def.config[key];
      if (shorter === undefined || !Array.isArray(before)) continue;
      const after = before.map((size, axis) =>
        // A size that is left open follows by itself.
        typeof size === 'number' && size >= 0 ? (shorter.get(axis - before.length) ?? size) : size,
      );
      change(def, { [key!]: after });
    }
  }
  return {
    graph: {
      ...graph,
      layers: graph.layers.map((def) =>
        changes.has(def) ? { ...def, config: { ...def.config, ...changes.get(def) } } : def,
      ),
    },
    weights,
  };
}
