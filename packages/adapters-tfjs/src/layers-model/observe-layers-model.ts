/** A LayersModel that computes some tensors of another one and gives them out: the layers that they need, and no others. */
import { InputError } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { floatWeight, type Weight } from '../artifacts/weights.js';
import type { LayersModelFeatureGraph } from './feature-graph.js';
import type { InnerTensor } from './inner-tensors.js';
import { INPUT_LAYER, type LayerDef, outputOf, type TensorRef, tensorName } from './layer-graph.js';
import { weightsOf } from './layer-weights.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import { ancestors, entryOf, type ModelPart } from './split-layers-model.js';

/**
 * Whether a part can go on from tensors that another one made: input layers stand for them by name, with their shapes and without masks. The
 * name of a layer that is called more than once is still taken by its other calls.
 */
export function canResume({ graph, masks, features, tensors }: LayersModelFacts): boolean {
  return (
    masks.wanted.size === 0 &&
    graph.layers.every(({ calls }) => calls.length === 1) &&
    features.operations.every(
      ({ outputs, partOf }) => partOf !== undefined || outputs.every((tensor) => tensors.shapes.has(tensor)),
    )
  );
}

/**
 * The activation of a layer as a layer of its own, which reads what the kernel makes before it; undefined where that tensor is none such.
 */
export function activationAfter(features: LayersModelFeatureGraph, tensor: string): LayerDef | undefined {
  const inner = features.inner.kernel(tensor);
  if (inner === undefined || inner.step !== undefined) return undefined;
  const { name, config } = inner.def;
  const call = { inputs: [inner.ref], options: [] };
  return { name, className: 'Activation', config: { name, activation: config.activation! }, calls: [call] };
}

/**
 * @param given tensors that come in; what lies inside of a layer is made again, and what else is needed from the model's inputs
 * @throws InputError `UNKNOWN_NAME` for a tensor that no layer makes
 */
export function observeLayersModel(
  facts: LayersModelFacts,
  features: LayersModelFeatureGraph,
  tensors: readonly string[],
  given: readonly string[] = [],
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
  const own = new Set(graph.inputs.map(tensorName));
  const known = new Set(given.filter((tensor) => refs.has(tensor) && !own.has(tensor)));
  const activations = new Map<string, LayerDef>();
  for (const tensor of given) {
    const activation = activationAfter(features, tensor);
    if (activation === undefined) continue;
    activations.set(activation.name, activation);
    known.add(tensor);
  }
  const probes = new Map<string, { def: LayerDef; weights: readonly Weight[] }>();
  const outputs = tensors.map((tensor) => {
    const inner = features.inner.kernel(tensor);
    const ref = inner?.ref ?? refs.get(tensor);
    if (ref === undefined) throw new InputError('UNKNOWN_NAME', `no layer makes the tensor ${tensor}`);
    if (inner !== undefined) probes.set(ref.layer, probeOf(facts, inner));
    return ref;
  });
  const layers = [
    ...graph.layers.map((def) => activations.get(def.name) ?? def),
    ...[...probes.values()].map(({ def }) => def),
  ];
  const needed = ancestors(new Map(layers.map((def) => [def.name, def])), outputs, known);
  const kernels = weightsOf(weights, graph, needed);
  if (kernels === undefined)
    throw new InputError('UNSUPPORTED', 'a weight belongs to no layer by its name: save the model again');
  const added = [...probes.values()]
    .flatMap(({ weights: own }) => own)
    .map((weight) => [weight.spec.name, weight] as const);
  const kept = layers.filter((def) => needed.has(def));
  const reads = kept.flatMap(({ calls }) => calls.flatMap(({ inputs }) => inputs));
  const read = new Set([...reads, ...outputs].map(tensorName));
  const entered = [...known].filter((tensor) => read.has(tensor));
  const entries = entered.map((tensor) => {
    const made = features.inner.kernel(tensor)?.def.name ?? tensor;
    return entryOf(tensor, facts.shapeOf(made)!);
  });
  const all = [...entries, ...kept];
  const inputs = [
    ...entered.map(outputOf),
    ...graph.inputs.filter(({ layer }) => kept.some(({ name }) => name === layer)),
  ];
  const sequential = graph.sequential && all[0]!.className === INPUT_LAYER;
  return {
    graph: { ...graph, sequential, layers: all, inputs, outputs },
    weights: new Map([...kernels, ...added]),
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
