/** Describes a graph model in core's terms: what every node does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import type { MatMulLayer } from './fc-layers.js';
import type { GraphIndex } from './nodes/graph-index.js';
import { fusedOperations, type NodeDef } from './nodes/node-def.js';
import { slopes } from './operations/effect-rules.js';
import { operationOf } from './operations/operation-table.js';

const other = (reason: string): OperationEffect => ({ type: 'other', reason });

/** A fused node is its product with the bias, named like the node, and its activation behind the tensor `<node>/linear`. */
export class GraphDescription implements GraphView {
  readonly #index: GraphIndex;
  readonly #layers: ReadonlyMap<string, MatMulLayer>;

  /** @param layers by the node that makes their output, and by the tensor before a fused activation */
  constructor(index: GraphIndex, layers: readonly MatMulLayer[]) {
    this.#index = index;
    this.#layers = new Map(layers.map((layer) => [layer.linear, layer]));
  }

  uses(tensor: string): number {
    return tensor.endsWith('/linear') && this.#index.node(tensor) === undefined
      ? 1
      : this.#index.uses(tensor);
  }

  producer(tensor: string): GraphOperation | undefined {
    const layer = this.#layers.get(tensor);
    if (layer !== undefined) {
      const { name, outputs, shared, input } = layer.layer;
      return {
        name,
        label: layer.node.op,
        input,
        effect: { type: 'fully-connected', layer: name, outputs, shared },
      };
    }
    const inner = tensor.endsWith('/linear')
      ? this.#index.node(tensor.slice(0, -'/linear'.length))
      : undefined;
    const node = this.#index.node(tensor) ?? inner;
    if (node === undefined || this.#index.constant(tensor) !== undefined) return undefined;
    if (node.op.startsWith('Placeholder')) return undefined;
    const { activation } = fusedOperations(node);
    if (activation !== undefined && node !== inner) {
      return {
        name: `${node.name}/${activation}`,
        label: activation,
        input: `${node.name}/linear`,
        effect: this.#fusedActivation(node, activation),
      };
    }
    const input = this.#index.activation(node) ?? node.input[0] ?? '';
    return { name: node.name, label: node.op, input, effect: this.#effect(node) };
  }

  #fusedActivation(node: NodeDef, activation: string): OperationEffect {
    if (activation === 'Prelu') return slopes(this.#index, node.input[fusedOperations(node).bias ? 3 : 2]);
    return operationOf(activation)?.effect(node, this.#index) ?? other('is an activation that is not known');
  }

  #effect(node: NodeDef): OperationEffect {
    if (this.#index.activation(node) === undefined) return other('combines several tensors');
    return operationOf(node.op)?.effect(node, this.#index) ?? other('is an operation that is not known');
  }
}
