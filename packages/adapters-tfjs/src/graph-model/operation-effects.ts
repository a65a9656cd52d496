/** What nodes do to the factors and the order of features, as the table of operations says. */
import { type OperationEffect, stops } from '@spherize/core';
import type { MatMulLayer } from './fc-layers.js';
import type { GraphIndex } from './nodes/graph-index.js';
import { fusedOperations, type NodeDef } from './nodes/node-def.js';
import { slopes } from './operations/effect-rules.js';
import { operationOf } from './operations/operation-table.js';

/**
 * What a node does, before an activation that is fused with it.
 *
 * @param layer the layer that it is
 */
export function nodeEffect(
  node: NodeDef,
  index: GraphIndex,
  layer: MatMulLayer | undefined,
): OperationEffect {
  if (layer !== undefined && layer.layer.window === undefined) {
    const { name, outputs, shared } = layer.layer;
    return { type: 'fully-connected', layer: name, outputs, shared };
  }
  // A transposed convolution may compute the shape of what it makes.
  const back = operationOf(node.op)?.filters?.back;
  if (!back && index.activation(node) === undefined) return stops('combines several tensors');
  const effect = effectOf(node.op, node, index) ?? stops('is an operation that is not known');
  return effect.type === 'convolution' ? { ...effect, layer: layer?.layer.name } : effect;
}

/** What the activation does that is fused with a product. */
export function activationEffect(node: NodeDef, activation: string, index: GraphIndex): OperationEffect {
  if (activation === 'Prelu') return slopes(index, node.input[fusedOperations(node).bias ? 3 : 2]);
  return effectOf(activation, node, index) ?? stops('is an activation that is not known');
}

function effectOf(operation: string, node: NodeDef, index: GraphIndex): OperationEffect | undefined {
  const effect = operationOf(operation)?.effect;
  return typeof effect === 'function' ? effect(node, index) : effect;
}
