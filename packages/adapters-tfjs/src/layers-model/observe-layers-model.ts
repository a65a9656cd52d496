/** A LayersModel that computes some tensors of another one and gives them out: the layers that they need, and no others. */
import { InputError } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { floatWeight, type Weight } from '../artifacts/weights.js';
import type { LayersModelFeatureGraph } from './feature-graph.js';
import type { InnerTensor } from './inner-tensors.js';
import { INPUT_LAYER, type LayerDef, type TensorRef, tensorName } from './layer-graph.js';
import { weightsOf } from './layer-weights.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import { ancestors, type ModelPart } from './split-layers-model.js';

/** @throws InputError `UNKNOWN_NAME` for a tensor that no layer makes */
export function observeLayersModel(
  facts: LayersModelFacts,
  features: LayersModelFeatureGraph,
  tensors: readonly string[],
): ModelPart {
  const { graph, weights } = facts;
  const refs = new Map<string, TensorRef>();
  for (const { name, calls } of graph.layers) {
    for (const call of calls.keys()) {
      const ref = { layer: name, call, tensor: 0 };
      refs.set(tensorName(ref), ref);
    }
    for (const ref of calls.flatMap(({ inputs }) => inputs)) refs.set(tensorName(ref), ref);
  }
  const probes = new Map<string, { def: LayerDef; weights: readonly Weight[] }>();
  const outputs = tensors.map((tensor) => {
    const inner = features.inner.kernel(tensor);
    const ref = inner?.ref ?? refs.get(tensor);
    if (ref === undefined) throw new InputError('UNKNOWN_NAME', `no layer makes the tensor ${tensor}`);
    if (inner !== undefined) probes.set(ref.layer, probeOf(facts, inner));
    return ref;
  });
  const layers = [...graph.layers, ...[...probes.values()].map(({ def }) => def)];
  const needed = ancestors(new Map(layers.map((def) => [def.name, def])), outputs);
  const own = weightsOf(weights, graph, needed);
  if (own === undefined)
    throw new InputError('UNSUPPORTED', 'a weight belongs to no layer by its name: save the model again');
  const added = [...probes.values()]
    .flatMap(({ weights: own }) => own)
    .map((weight) => [weight.spec.name, weight] as const);
  const kept = layers.filter((def) => needed.has(def));
  const inputs = graph.inputs.filter(({ layer }) => kept.some(({ name }) => name === layer));
  const sequential = graph.sequential && kept[0]!.className === INPUT_LAYER;
  return {
    graph: { ...graph, sequential, layers: kept, inputs, outputs },
    weights: new Map([...own, ...added]),
  };
}

/** A layer that makes an inner tensor: a copy without what comes behind it. */
function probeOf(
  { names, weights }: LayersModelFacts,
  { def, ref: { layer: name }, step }: InnerTensor,
): { def: LayerDef; weights: Weight[] } {
  const probe = (config: JsonObject): LayerDef => {
    const { batch_input_shape: _, ...rest } = def.config;
    const own = { ...rest, ...config, name, activation: 'linear' };
    return { name, className: def.className, config: own, calls: def.calls };
  };
  const copied = (weight: string): Weight[] => {
    const stored = weights.get(names.find(def.name, weight) ?? '');
    return stored ? [{ ...stored, spec: { ...stored.spec, name: `${name}/${weight}` } }] : [];
  };
  if (step === undefined) {
    const all = ['kernel', 'depthwise_kernel', 'pointwise_kernel', 'bias'];
    return { def: probe({}), weights: all.flatMap(copied) };
  }
  // The product behind the filters of a separable convolution gives back what it reads.
  const [filters] = copied('depthwise_kernel');
  const channels = filters!.spec.shape.slice(-2).reduce((product, size) => product * size, 1);
  const same = new Float32Array(channels * channels);
  for (let channel = 0; channel < channels; channel++) same[channel * channels + channel] = 1;
  return {
    def: probe({ filters: channels, use_bias: false }),
    weights: [filters!, floatWeight(`${name}/pointwise_kernel`, [1, 1, channels, channels], same)],
  };
}
