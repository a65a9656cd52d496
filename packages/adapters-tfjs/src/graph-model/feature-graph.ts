/** Lists the operations of a graph model as core's feature flow, each with its effect, and all layers that have weights: products and convolutions. */
import type { FeatureFlow, FeatureGraph, FeatureLayer, FlowOperation, OperationEffect } from '@spherize/core';
import { sizeOf } from '../artifacts/weights.js';
import { windowOf } from './convolution-layers.js';
import { type MatMulLayer, nameOf, type Operand } from './fc-layers.js';
import type { ConstantSource, GraphIndex } from './nodes/graph-index.js';
import { channelsLast, isControl, type NodeDef } from './nodes/node-def.js';
import { nodesInOrder } from './nodes/node-order.js';
import { activationEffect, nodeEffect } from './operation-effects.js';
import {
  type AxisRole,
  type FlowStep,
  type FlowWriter,
  varying,
  type WeightedFlow,
} from './operations/flow.js';
import { afterProduct } from './operations/flow-products.js';
import type { Shape } from './operations/known-tensor.js';
import { operationOf } from './operations/operation-table.js';
import { UNKNOWN } from './operations/table-entries.js';
import { shapesOf, type TensorShapes } from './tensor-shapes.js';

/** A layer of the feature graph, with the node and the constants that make it up. */
export interface WeightedNode {
  readonly layer: FeatureLayer;
  readonly node: NodeDef;
  readonly slot: number;
  readonly source: ConstantSource;
  readonly roles: readonly AxisRole[];
  readonly bias: Operand | undefined;
  /** The fully connected layer that it is; undefined for a convolution and other products. */
  readonly product: MatMulLayer | undefined;
}

export class GraphModelFeatureGraph implements FeatureGraph, FlowWriter {
  readonly index: GraphIndex;
  /** With one size for each free axis. */
  readonly shapes: TensorShapes;
  readonly operations: FlowOperation[] = [];
  readonly outputs: readonly string[];
  readonly #offered: ReadonlyMap<NodeDef | undefined, MatMulLayer>;
  readonly #weighted = new Map<string, WeightedNode>();
  readonly #nodes = new Map<string, NodeDef>();
  /** Of tensors that no node makes. */
  readonly #between = new Map<string, Shape>();
  readonly #names = new Set<string>();

  /** @param offered layers of the model */
  constructor(index: GraphIndex, offered: readonly MatMulLayer[]) {
    this.index = index;
    this.shapes = shapesOf(index);
    this.outputs = index.outputs;
    this.#offered = new Map(offered.map((layer) => [layer.node, layer]));
    const products = offered.filter(({ layer }) => layer.window === undefined);
    const byNode = new Map(products.map((layer) => [layer.node, layer]));
    const adds = new Set(products.map(({ add }) => add));
    for (const { layer } of products) this.#names.add(layer.name);
    for (const node of nodesInOrder(index.nodes)) {
      if (!index.isFixed(node.name) && !node.op.startsWith('Placeholder') && !adds.has(node)) {
        const product = byNode.get(node);
        if (product !== undefined) this.#product(product);
        else this.#node(node);
      }
    }
  }

  get layers(): readonly FeatureLayer[] {
    return [...this.#weighted.values()].map(({ layer }) => layer);
  }

  shape(tensor: string | undefined): Shape | undefined {
    return this.#between.get(tensor ?? '') ?? this.shapes.shape(tensor);
  }

  values(tensor: string | undefined): readonly number[] | undefined {
    return this.shapes.values(tensor);
  }

  /** What makes up a layer. */
  weighted(layer: string): WeightedNode {
    const found = this.#weighted.get(layer);
    if (found === undefined) throw new Error(`no layer is called ${layer}`);
    return found;
  }

  /** What makes a tensor between the steps of a node; undefined for tensors of nodes. */
  stepTo(tensor: string): FlowOperation | undefined {
    if (!this.#between.has(tensor)) return undefined;
    return this.operations.find(({ outputs }) => outputs.includes(tensor));
  }

  /** The node of an operation. */
  nodeOf(operation: string): NodeDef {
    return this.#nodes.get(operation)!;
  }

  varies(tensor: string): boolean {
    return this.index.constant(tensor) === undefined;
  }

  does(
    node: NodeDef,
    inputs: readonly string[],
    steps: readonly FlowStep[],
    outputs: readonly string[] = [node.name],
  ): undefined {
    const all: readonly FlowStep[] =
      steps.length > 0 ? steps : [{ flow: { type: 'elementwise', constants: [] } }];
    const own = all.findLastIndex(({ activation }) => activation === undefined);
    const before = own > 0 ? [this.prepares(node, inputs, all.slice(0, own))] : inputs;
    const [{ shape }, after] = [all[own]!, all[own + 1]] as const;
    const made = after === undefined ? outputs : [this.#tensor(node, shape)];
    const plain = this.index.node(node.name)!;
    this.#add(
      node,
      node.name,
      before,
      all[own]!,
      made,
      nodeEffect(plain, this.index, this.#offered.get(plain)),
    );
    if (after?.activation === undefined) return;
    const { activation } = after;
    const effect = activationEffect(plain, activation, this.index);
    this.#add(node, `${node.name}/${activation}`, made, after, outputs, effect, activation);
  }

  prepares(node: NodeDef, inputs: readonly string[], steps: readonly FlowStep[]): string {
    let read = inputs;
    for (const step of steps) {
      const tensor = this.#tensor(node, step.shape);
      this.#add(node, tensor, read, step, [tensor]);
      read = [tensor];
    }
    return read[0]!;
  }

  /** A tensor that no node makes. */
  #tensor(node: NodeDef, shape: Shape | undefined): string {
    let count = 1;
    while (this.#between.has(`${node.name}#${count}`)) count++;
    const name = `${node.name}#${count}`;
    this.#between.set(name, shape ?? []);
    return name;
  }

  #node(node: NodeDef): void {
    const input = node.input.filter((name) => !isControl(name));
    const plain = input.length === node.input.length ? node : { ...node, input };
    const rule = operationOf(node.op)?.flow;
    const reason = rule ? rule(plain, this) : UNKNOWN;
    if (reason !== undefined) this.does(plain, varying(plain, this), [{ flow: { type: 'other', reason } }]);
  }

  #product(product: MatMulLayer): void {
    const { node, layer: own, weights, bias, outputsFirst, add } = product;
    const { name, outputs, inputs, shared } = own;
    const roles: AxisRole[] = outputsFirst ? ['output', 'input'] : ['input', 'output'];
    const layer: FeatureLayer = {
      name,
      kind: 'product',
      outputs,
      inputs,
      span: 1,
      groups: 1,
      bias: bias !== undefined,
      shared,
    };
    this.#weighted.set(name, { layer, node, slot: 1, source: weights, roles, bias, product });
    const flow: FeatureFlow = { type: 'layer', layer: name, reads: -1, makes: -1 };
    const steps = [{ flow, shape: this.shapes.shape(node.name) }, ...afterProduct(node, this)];
    this.does(node, [node.input[0]!], steps, [(add ?? node).name]);
  }

  #add(
    node: NodeDef,
    wanted: string,
    inputs: readonly string[],
    { flow }: FlowStep,
    outputs: readonly string[],
    effect?: OperationEffect,
    label: string = node.op,
  ): void {
    let name = wanted;
    for (let count = 2; this.#nodes.has(name); count++) name = `${wanted}#${count}`;
    this.#nodes.set(name, node);
    const moved = flow.type === 'weighted' ? this.#weigh(node, flow) : flow;
    // What lies between the steps of a node is not gone on from.
    const within = outputs.some((output) => this.#between.has(output));
    this.operations.push({
      name,
      ...(within && { partOf: node.name }),
      label,
      inputs,
      outputs,
      flow: moved,
      effect,
    });
  }

  #weigh(node: NodeDef, { kind, slot, roles, bias, depthwise, reads, makes }: WeightedFlow): FeatureFlow {
    const source = this.index.constant(node.input[slot])!;
    const added = bias === undefined ? undefined : this.index.constant(node.input[bias])!;
    const { shape } = source.weight.spec;
    const sizes = (role: AxisRole): number => sizeOf(shape.filter((_, axis) => roles[axis] === role));
    const outputs = sizes('output');
    const inputs = depthwise ? shape[roles.indexOf('output')]! : sizes('input');
    const forward = (depthwise || operationOf(node.op)?.filters?.back === false) && channelsLast(node);
    const window = forward ? windowOf(this.index, node, shape.slice(0, -2)) : undefined;
    const layer: FeatureLayer = {
      name: this.#unique(nameOf(node, source)),
      kind,
      outputs,
      inputs,
      span: sizes('tap'),
      ...(typeof window === 'object' && { window }),
      groups: depthwise ? inputs : 1,
      bias: added !== undefined,
      shared: this.index.isShared(source),
    };
    const operand = added && { node, slot: bias!, source: added };
    this.#weighted.set(layer.name, { layer, node, slot, source, roles, bias: operand, product: undefined });
    return depthwise
      ? { type: 'depthwise', layer: layer.name, axis: reads, multiplier: outputs / inputs }
      : { type: 'layer', layer: layer.name, reads, makes };
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name); count++) name = `${wanted}#${count}`;
    this.#names.add(name);
    return name;
  }
}
