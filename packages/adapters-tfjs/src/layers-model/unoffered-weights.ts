/** Names every layer of a LayersModel that holds weights and is not offered, each with its reason. */
import type { SkippedLayer } from '@spherize/core';
import { isObject } from '../artifacts/json.js';
import { isFloat, sizeOf, type Weight } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import { type DenseLayer, kernelSizes } from './fc-layers.js';
import type { LayerDef } from './layer-graph.js';
import { layersByName, ownerOf } from './layer-weights.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import { isSeparable, whyNotApart } from './separable-layers.js';

/** What was found of layers whose columns can be clustered. */
export interface FoundLayers {
  readonly convolutions: readonly DenseLayer[];
  /** Why layers of the same classes are none, by their names. */
  readonly unfit: ReadonlyMap<string, string>;
  /** Layers that only add up the members of clusters, whose kernels are no weights. */
  readonly sums: ReadonlySet<string>;
}

/** @param layers those that are offered */
export function unofferedWeights(
  { convolutions, unfit, sums }: FoundLayers,
  facts: Pick<LayersModelFacts, 'graph' | 'weights' | 'names' | 'tensors'>,
  layers: readonly DenseLayer[],
): SkippedLayer[] {
  const { graph, weights } = facts;
  const named = new Set(convolutions.map(({ def }) => def));
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
    else {
      const reason = named.has(owner)
        ? `a ${kernelSizes(weight)}${classOf(owner.className)!.weights}: it is compressed where it is named`
        : isSeparable(owner)
          ? `a separable convolution: ${whyNotApart(facts, owner)}`
          : (unfit.get(owner.name) ?? reasonOf(owner, weight));
      add(owner, owner.name, reason, sizeOf(shape));
    }
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

function reasonOf({ className }: LayerDef, weight: Weight): string {
  switch (classOf(className)?.weights) {
    case 'convolution':
    case 'transposed convolution':
      return `a ${kernelSizes(weight)}${classOf(className)?.weights}: it reads one channel`;
    case 'depthwise convolution':
      return 'a depthwise convolution: each filter reads one channel, so that it has no columns to share';
    case 'recurrent':
      return `a recurrent layer (${className}): its steps share their weights, which are left alone`;
    case 'table':
      return 'a table of embeddings: its rows are looked up, so that no columns are multiplied';
    default:
      return `a layer of class ${className}: what it does with its weights is not known`;
  }
}
