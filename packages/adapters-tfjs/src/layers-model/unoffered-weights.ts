/** Names every layer of a LayersModel that holds weights and is not offered, each with its reason. */
import type { SkippedLayer } from '@spherize/core';
import { isObject } from '../artifacts/json.js';
import { isFloat, sizeOf, type Weights } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import type { DenseLayer } from './fc-layers.js';
import type { LayerDef, LayerGraph } from './layer-graph.js';
import { layersByName, ownerOf } from './layer-weights.js';

const ONLY = 'only fully connected layers are compressed';

/**
 * @param unfit why Dense layers are not offered, by their names
 * @param sums layers that only add up the members of clusters, whose kernels are no weights
 */
export function unofferedWeights(
  graph: LayerGraph,
  weights: Weights,
  layers: readonly DenseLayer[],
  unfit: ReadonlyMap<string, string>,
  sums: ReadonlySet<string>,
): SkippedLayer[] {
  const owners = layersByName(graph);
  const offered = new Set(layers.map(({ def }) => def));
  const skipped = new Map<LayerDef | undefined, Map<string, SkippedLayer>>();
  const add = (owner: LayerDef | undefined, name: string, reason: string, parameters: number): void => {
    const entries = skipped.get(owner) ?? new Map<string, SkippedLayer>();
    const before = entries.get(name)?.parameters ?? 0;
    entries.set(name, { name, reason, parameters: before + parameters });
    skipped.set(owner, entries);
  };
  for (const [name, weight] of weights) {
    const { shape, group } = weight.spec;
    if (!isFloat(weight) || shape.length < 2 || group === 'optimizer') continue;
    const owner = ownerOf(name, owners);
    if (owner && (offered.has(owner) || sums.has(owner.name))) continue;
    const holder = name.slice(0, Math.max(0, name.lastIndexOf('/')));
    if (owner === undefined) add(owner, name, 'no layer of the model has this name', sizeOf(shape));
    else if (holds(owner))
      add(
        owner,
        holder === owner.name ? heldName(owner) : holder,
        `it is inside the ${kindOf(owner)} ${owner.name}`,
        sizeOf(shape),
      );
    else add(owner, owner.name, unfit.get(owner.name) ?? reasonOf(owner, shape), sizeOf(shape));
  }
  for (const def of graph.layers) {
    const reason = unfit.get(def.name);
    if (reason !== undefined && !skipped.has(def)) add(def, def.name, reason, 0);
  }
  return [...graph.layers, undefined].flatMap((def) => [...(skipped.get(def)?.values() ?? [])]);
}

/** Whether a layer is a nested model, or a wrapper of another layer, be its class known or not. */
function holds({ className, config }: LayerDef): boolean {
  return classOf(className)?.holds !== undefined || config.layers !== undefined || config.layer !== undefined;
}

/** The name of the layer that a wrapper wraps, whose weights are called after the wrapper. */
function heldName({ name, config }: LayerDef): string {
  const held = isObject(config.layer) && isObject(config.layer.config) ? config.layer.config.name : undefined;
  return typeof held === 'string' ? held : name;
}

function kindOf({ className, config }: LayerDef): string {
  return config.layer === undefined ? 'nested model' : className;
}

function reasonOf({ className }: LayerDef, shape: readonly number[]): string {
  const kind = classOf(className)?.weights;
  switch (kind) {
    case 'convolution':
      return `a ${shape.slice(0, -2).join('×')} convolution: ${ONLY}`;
    case 'depthwise convolution':
    case 'separable convolution':
    case 'transposed convolution':
      return `a ${kind}: ${ONLY}`;
    case 'recurrent':
      return `a recurrent layer (${className}): ${ONLY}`;
    case 'table':
      return `a table of embeddings: ${ONLY}`;
    default:
      return `a layer of class ${className}: ${ONLY}`;
  }
}
