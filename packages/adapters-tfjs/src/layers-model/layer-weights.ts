/** Which weight tensor belongs to which layer: by name, as TensorFlow.js matches them. */
import { isObject, type Json } from '../artifacts/json.js';
import type { Weights } from '../artifacts/weights.js';
import type { LayerDef, LayerGraph } from './layer-graph.js';

/** Finds weights by layer and by their own name, such as `kernel`. */
export class LayerWeights {
  readonly #names = new Map<string, string>();

  constructor(weights: Weights) {
    for (const name of weights.keys()) this.#names.set(name, name);
    // Some converters put a cell or the layer once more between the layer's name and the weight's.
    for (const name of weights.keys()) {
      const tokens = name.split('/');
      const short = [...tokens.slice(0, -2), tokens.at(-1)].join('/');
      if (!this.#names.has(short)) this.#names.set(short, name);
    }
  }

  /** The name in the file. */
  find(layer: string, weight: string): string | undefined {
    return this.#names.get(`${layer}/${weight}`);
  }
}

/**
 * The weights of some layers of a model.
 *
 * @returns undefined when a weight belongs to no layer by its name
 */
export function weightsOf(
  weights: Weights,
  graph: LayerGraph,
  chosen: ReadonlySet<LayerDef>,
): Weights | undefined {
  const owners = layersByName(graph);
  const result = new Map();
  for (const [name, weight] of weights) {
    if (weight.spec.group === 'optimizer') continue;
    const owner = ownerOf(name, owners);
    if (owner === undefined) return undefined;
    if (chosen.has(owner)) result.set(name, weight);
  }
  return result;
}

/** The layers of a model by their own names and by those of all layers that they hold. */
export function layersByName(graph: LayerGraph): ReadonlyMap<string, LayerDef> {
  const owners = new Map<string, LayerDef>();
  for (const layer of graph.layers) for (const name of namesWithin(layer)) owners.set(name, layer);
  return owners;
}

/** The layer that a weight belongs to, among those by whose name its own may begin. */
export function ownerOf(weight: string, owners: ReadonlyMap<string, LayerDef>): LayerDef | undefined {
  for (let end = weight.lastIndexOf('/'); end > 0; end = weight.lastIndexOf('/', end - 1)) {
    const owner = owners.get(weight.slice(0, end));
    if (owner) return owner;
  }
  return undefined;
}

/** A layer's name and those of all layers that it holds. */
function namesWithin({ name, config }: LayerDef): string[] {
  return [name, ...heldNames(config.layers), ...heldNames(config.layer)];
}

function heldNames(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(heldNames);
  if (!isObject(value)) return [];
  const config = isObject(value.config) ? value.config : {};
  const own = typeof config.name === 'string' ? [config.name] : [];
  return [...own, ...heldNames(config.layers), ...heldNames(config.layer)];
}
