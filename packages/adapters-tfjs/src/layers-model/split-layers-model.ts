/** Cuts a LayersModel in two: the named layers with everything after them, and what comes before. */
import type { Weights } from '../artifacts/weights.js';
import type { Shape } from './classes/layer-class.js';
import {
  INPUT_LAYER,
  type LayerDef,
  type LayerGraph,
  outputOf,
  sameTensor,
  type TensorRef,
  tensorName,
} from './layer-graph.js';
import { weightsOf } from './layer-weights.js';
import type { LayersModelFacts } from './layers-model-facts.js';

export interface ModelPart {
  readonly graph: LayerGraph;
  readonly weights: Weights;
}

/**
 * @param names layers or operations that belong to the tail, and with them all that depends on them
 * @returns undefined when the tail is the whole model, or a tensor between the parts has no known shape, or a mask that is read
 */
export function splitLayersModel(
  facts: LayersModelFacts,
  names: readonly string[],
): { head: ModelPart; tail: ModelPart } | undefined {
  const { graph } = facts;
  const byName = new Map(graph.layers.map((def) => [def.name, def]));
  const inTail = dependants(
    facts,
    names.map((name) => facts.def(name)),
  );
  const boundary = new Map<string, TensorRef>();
  const inputs = new Set<LayerDef>();
  for (const { inputs: read } of [...inTail].flatMap(({ calls }) => calls)) {
    for (const tensor of read) {
      const maker = byName.get(tensor.layer)!;
      if (maker.className === INPUT_LAYER) inputs.add(maker);
      else if (!inTail.has(maker)) boundary.set(tensorName(tensor), tensor);
    }
  }
  if (boundary.size === 0) return undefined;
  const crossing = [...boundary].map(([name, tensor]) => ({ name, tensor, shape: facts.shapeOf(name) }));
  if (crossing.some(({ name, shape }) => shape === undefined || facts.masks.wanted.has(name)))
    return undefined;

  const early = graph.outputs.filter(({ layer }) => !inTail.has(byName.get(layer)!));
  const headOutputs = [...boundary.values(), ...early.filter((output) => !boundary.has(tensorName(output)))];
  const inHead = ancestors(byName, headOutputs);
  const entries = crossing.map(({ name, tensor, shape }) => ({ tensor, def: entryOf(name, shape!) }));
  const redirect = (ref: TensorRef): TensorRef => {
    const entry = entries.find(({ tensor }) => sameTensor(tensor, ref));
    return entry ? outputOf(entry.def.name) : ref;
  };
  const tailLayers = graph.layers
    .filter((def) => inTail.has(def) || inputs.has(def))
    .map((def) => ({
      ...def,
      calls: def.calls.map((call) => ({ ...call, inputs: call.inputs.map(redirect) })),
    }));
  const head = part(
    facts,
    graph.layers.filter((def) => inHead.has(def)),
    inHead,
    headOutputs,
  );
  const tail = part(
    facts,
    [...entries.map(({ def }) => def), ...tailLayers],
    inTail,
    graph.outputs.filter(({ layer }) => inTail.has(byName.get(layer)!)),
  );
  return head && tail && { head, tail };
}

/** An input layer that stands for a tensor of floats, and has its name. */
export function entryOf(name: string, shape: Shape): LayerDef {
  return {
    name,
    className: INPUT_LAYER,
    config: { batch_input_shape: shape.map((size) => size ?? null), dtype: 'float32', sparse: false, name },
    calls: [{ inputs: [], options: [] }],
  };
}

function part(
  { graph, weights }: LayersModelFacts,
  layers: readonly LayerDef[],
  originals: ReadonlySet<LayerDef>,
  outputs: readonly TensorRef[],
): ModelPart | undefined {
  const own = weightsOf(weights, graph, originals);
  if (own === undefined) return undefined;
  const inputs = layers
    .filter(({ className }) => className === INPUT_LAYER)
    .map(({ name }) => outputOf(name));
  const sequential = graph.sequential && layers[0]!.className === INPUT_LAYER;
  return { graph: { ...graph, sequential, layers, inputs, outputs }, weights: own };
}

/** Some layers and all that depend on them. */
function dependants(facts: LayersModelFacts, start: readonly LayerDef[]): Set<LayerDef> {
  const found = new Set(start);
  const pending = [...start];
  for (let def = pending.pop(); def !== undefined; def = pending.pop()) {
    for (const reader of facts.readers(def)) {
      if (found.has(reader)) continue;
      found.add(reader);
      pending.push(reader);
    }
  }
  return found;
}

/**
 * The layers that some tensors depend on.
 *
 * @param given names of tensors behind which nothing is looked for
 */
export function ancestors(
  byName: ReadonlyMap<string, LayerDef>,
  tensors: readonly TensorRef[],
  given: ReadonlySet<string> = new Set(),
): Set<LayerDef> {
  const found = new Set<LayerDef>();
  const pending = [...tensors];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const def = byName.get(tensor.layer)!;
    if (found.has(def) || given.has(tensorName(tensor))) continue;
    found.add(def);
    pending.push(...def.calls.flatMap(({ inputs }) => inputs));
  }
  return found;
}
