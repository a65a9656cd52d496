/** Counts the multiplications of weights with what a LayersModel computes, per sample, from the shapes. */
import { count } from '../artifacts/json.js';
import { sizeOf } from '../artifacts/weights.js';
import { INPUT_LAYER, type LayerDef, tensorName } from './layer-graph.js';
import { holdsLayers, product } from './layer-shapes.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** Layers that multiply by weights in ways that are not counted here. */
const UNCOUNTED = /RNN|LSTM|GRU|Attention|Bidirectional|TimeDistributed/;

/** Undefined when a size is open, or a layer's multiplications are unknown. */
export function multiplyAccumulates(facts: LayersModelFacts): number | undefined {
  let total = 0;
  for (const def of facts.graph.layers) {
    if (def.className === INPUT_LAYER) continue;
    if (UNCOUNTED.test(def.className) || holdsLayers(def.config)) return undefined;
    for (let call = 0; call < def.calls.length; call++) {
      const multiplications = multiplicationsOf(facts, def, call);
      if (multiplications === undefined) return undefined;
      total += multiplications;
    }
  }
  return total;
}

function multiplicationsOf(facts: LayersModelFacts, def: LayerDef, call: number): number | undefined {
  const { name, className, config, calls } = def;
  const kernel = (weight: string): readonly number[] => {
    const stored = facts.names.find(name, weight);
    return (stored && facts.weights.get(stored)?.spec.shape) || [];
  };
  const valuesOf = (tensor: string): number | undefined => {
    const shape = facts.shapes.get(tensor);
    return shape && product(shape.slice(1));
  };
  const output = tensorName({ layer: name, call, tensor: 0 });
  const perValue = (tensor: string, factor: number): number | undefined => {
    const values = valuesOf(tensor);
    return values === undefined ? undefined : values * factor;
  };
  switch (className) {
    case 'Dense':
    case 'Conv1D':
    case 'Conv2D':
    case 'Conv3D':
      return perValue(output, sizeOf(kernel('kernel').slice(0, -1)));
    case 'Conv2DTranspose':
      return perValue(tensorName(calls[call]!.inputs[0]!), sizeOf(kernel('kernel').slice(0, -1)));
    case 'DepthwiseConv2D':
      return perValue(output, sizeOf(kernel('depthwise_kernel').slice(0, 2)));
    case 'SeparableConv2D': {
      const values = valuesOf(output);
      const filters = count(config.filters);
      if (values === undefined || !filters) return undefined;
      return (values / filters) * (sizeOf(kernel('depthwise_kernel')) + sizeOf(kernel('pointwise_kernel')));
    }
    default:
      return 0;
  }
}
