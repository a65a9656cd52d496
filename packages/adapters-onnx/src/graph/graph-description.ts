/** Describes an ONNX graph in core's terms: what every operation does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { OnnxLayer } from './fc-layers.js';
import { activationOf, type FeatureAxes } from './feature-axis.js';
import { UniqueNames } from './layer-names.js';
import { operatorOf } from './operators/operator-table.js';
import { readsOtherSizes } from './operators/reshape-forms.js';
import type { TensorShapes } from './tensor-shapes.js';

const other = (reason: string): OperationEffect => ({ type: 'other', reason });

export class GraphDescription implements GraphView {
  readonly #index: GraphIndex;
  readonly #shapes: TensorShapes;
  readonly #axes: FeatureAxes;
  readonly #layers: ReadonlyMap<string, OnnxLayer>;
  /** What layers read, and whether its channels are their columns rather than its last axis. */
  readonly #layerInputs: ReadonlyMap<string, boolean>;
  readonly #names = new Map<NodeProto, string>();
  readonly #nodes = new Map<string, NodeProto>();

  /**
   * @param layers fully connected layers and convolutions that are offered, by the tensor that they produce
   * @param names names that operations had in the model this one comes from, by their first output
   */
  constructor(
    index: GraphIndex,
    shapes: TensorShapes,
    axes: FeatureAxes,
    layers: ReadonlyMap<string, OnnxLayer>,
    names: ReadonlyMap<string, string>,
  ) {
    this.#index = index;
    this.#shapes = shapes;
    this.#axes = axes;
    this.#layers = layers;
    this.#layerInputs = new Map(
      [...layers.values()].map(({ layer }) => [layer.input, layer.window !== undefined]),
    );
    const unique = new UniqueNames([...names.values(), ...[...layers.values()].map(({ name }) => name)]);
    for (const node of index.graph.node) {
      const output = node.output.find((name) => name !== '') ?? '';
      const name = names.get(output) ?? unique.add(node.name || output);
      this.#names.set(node, name);
      this.#nodes.set(name, node);
    }
  }

  /** Operations' names by their first output, to be kept by the models made from this one. */
  get operationNames(): ReadonlyMap<string, string> {
    return new Map([...this.#names].map(([node, name]) => [node.output.find((o) => o !== '') ?? '', name]));
  }

  /** The node of an operation that `producer` named. */
  node(operation: string): NodeProto | undefined {
    return this.#nodes.get(operation);
  }

  nameOf(node: NodeProto): string {
    return this.#names.get(node)!;
  }

  uses(tensor: string): number {
    const context = { index: this.#index, shapes: this.#shapes };
    const { rank, back } = this.#axes.of(tensor);
    const axis = rank === undefined ? undefined : rank - 1 - back;
    const harmless = this.#index
      .consumers(tensor)
      .filter((node) => readsOtherSizes(context, node, axis)).length;
    return this.#index.uses(tensor) - harmless;
  }

  producer(tensor: string): GraphOperation | undefined {
    const layer = this.#layers.get(tensor);
    const node = this.#index.producer(tensor);
    if (node === undefined || this.#index.constantSource(tensor) !== undefined) return undefined;
    if (layer !== undefined && layer.layer.window === undefined) {
      const { name, outputs, shared, input } = layer.layer;
      const effect: OperationEffect = layer.addsForeign
        ? other('adds a tensor that is no bias of its own')
        : { type: 'fully-connected', layer: name, outputs, shared };
      return { name, label: node.opType, input, effect };
    }
    const input = activationOf(this.#index, node) ?? node.input[0] ?? '';
    let effect = node.output[0] === tensor ? this.#effect(node, input) : other('is read for a second output');
    if (effect.type !== 'other' && !this.#leadsToColumns(tensor)) {
      effect = other('does not lead one feature to each column');
    }
    if (layer !== undefined && effect.type === 'convolution') effect = { ...effect, layer: layer.name };
    return { name: layer?.name ?? this.#names.get(node)!, label: node.opType, input, effect };
  }

  /** Whether the features of a tensor are the columns of the layer that reads it, if there is one. */
  #leadsToColumns(tensor: string): boolean {
    const channels = this.#layerInputs.get(tensor);
    if (channels === undefined) return true;
    return channels ? this.#axes.areChannels(tensor) : this.#axes.of(tensor).back === 0;
  }

  #effect(node: NodeProto, input: string): OperationEffect {
    const operator = operatorOf(node);
    if (operator === undefined) {
      const called = this.#index.model.functions.some(
        ({ name, domain }) => name === node.opType && domain === node.domain,
      );
      return other(
        called
          ? 'is a call of a function of the model: inline functions first'
          : 'is an operator that is not known',
      );
    }
    return operator.effect(node, input, { index: this.#index, shapes: this.#shapes, axes: this.#axes });
  }
}
