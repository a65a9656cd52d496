/** What the nodes of a graph do to the factors and the order of features: as the table says, and as what reads them asks. */
import { type OperationEffect, stops } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { OnnxLayer } from './fc-layers.js';
import { activationOf, type FeatureAxes } from './feature-axis.js';
import type { EffectContext } from './operators/operator.js';
import { operatorOf } from './operators/operator-table.js';
import type { TensorShapes } from './tensor-shapes.js';

export class OperationEffects {
  readonly #context: EffectContext;
  readonly #layers: ReadonlyMap<NodeProto, OnnxLayer>;
  /** What layers read, and whether its channels are their columns rather than its last axis. */
  readonly #layerInputs: ReadonlyMap<string, boolean>;

  /** @param layers fully connected layers and convolutions that are offered, by their node */
  constructor(
    index: GraphIndex,
    shapes: TensorShapes,
    axes: FeatureAxes,
    layers: ReadonlyMap<NodeProto, OnnxLayer>,
  ) {
    this.#context = { index, shapes, axes };
    this.#layers = layers;
    this.#layerInputs = new Map(
      [...layers.values()].map(({ layer }) => [layer.input, layer.window !== undefined]),
    );
  }

  of(node: NodeProto): OperationEffect {
    const { name, layer, addsForeign } = this.#layers.get(node) ?? {};
    if (layer !== undefined && layer.window === undefined) {
      return addsForeign
        ? stops('adds a tensor that is no bias of its own')
        : { type: 'fully-connected', layer: layer.name, outputs: layer.outputs, shared: layer.shared };
    }
    const effect = this.#byTable(node);
    if (effect.type !== 'other' && !this.#leadsToColumns(node.output[0]!))
      return stops('does not lead one feature to each column');
    return effect.type === 'convolution' ? { ...effect, layer: name } : effect;
  }

  /** Whether the features of a tensor are the columns of the layer that reads it, if there is one. */
  #leadsToColumns(tensor: string): boolean {
    const { axes } = this.#context;
    const channels = this.#layerInputs.get(tensor);
    if (channels === undefined) return true;
    return channels ? axes.areChannels(tensor) : axes.of(tensor).back === 0;
  }

  #byTable(node: NodeProto): OperationEffect {
    const { index } = this.#context;
    const operator = operatorOf(node);
    if (operator === undefined) {
      const called = index.model.functions.some(
        ({ name, domain }) => name === node.opType && domain === node.domain,
      );
      return stops(
        called
          ? 'is a call of a function of the model: inline functions first'
          : 'is an operator that is not known',
      );
    }
    const { effect } = operator;
    const input = activationOf(index, node) ?? node.input[0] ?? '';
    return typeof effect === 'function' ? effect(node, input, this.#context) : effect;
  }
}
