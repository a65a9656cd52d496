/** Lists the operations of an ONNX graph as core's feature flow, each with its effect, and all layers that have weights: products and convolutions. */
import type { FeatureFlow, FeatureGraph, FeatureLayer, FlowOperation } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { isStandard, type Shape } from '../proto/onnx-protos.js';
import { dimsOf } from '../proto/tensor-values.js';
import { type ConstantSource, type GraphIndex, tensorsReadBy } from '../tensors/graph-index.js';
import { boundShapes } from './bound-shapes.js';
import { windowOf } from './convolution-layers.js';
import type { OnnxLayer } from './fc-layers.js';
import { nameOfWeights, UniqueNames } from './layer-names.js';
import type { OperationEffects } from './operation-effects.js';
import type { OperationNames } from './operation-names.js';
import type { FlowStep, WeightLayout, WeightsFlow } from './operators/flow-rules.js';
import { operatorOf } from './operators/operator-table.js';
import type { TensorShapes } from './tensor-shapes.js';

/** A layer of the feature graph with the node and the constants that make it up. */
export interface WeightedNode {
  readonly layer: FeatureLayer;
  readonly node: NodeProto;
  readonly weights: ConstantSource;
  readonly layout: WeightLayout;
  readonly bias:
    | { readonly node: NodeProto; readonly slot: number; readonly source: ConstantSource }
    | undefined;
  /** The fully connected layer that it is; undefined for a convolution and other products. */
  readonly product: OnnxLayer | undefined;
}

export class OnnxModelFeatureGraph implements FeatureGraph {
  readonly operations: FlowOperation[] = [];
  readonly outputs: readonly string[];
  /** With one size for each free axis. */
  readonly shapes: TensorShapes;
  readonly #effects: OperationEffects;
  readonly #weighted = new Map<string, WeightedNode>();
  readonly #nodes = new Map<string, NodeProto>();
  /** Of tensors that lie between the steps of one node. */
  readonly #between = new Map<string, Shape>();

  constructor(
    index: GraphIndex,
    names: OperationNames,
    effects: OperationEffects,
    products: readonly OnnxLayer[],
  ) {
    this.#effects = effects;
    this.shapes = boundShapes(index);
    this.outputs = index.graph.output.map(({ name }) => name);
    const byNode = new Map(products.map((layer) => [layer.node, layer]));
    const adds = new Set(products.map(({ add }) => add));
    const unique = new UniqueNames(products.map(({ name }) => name));
    const context = { index, shapes: this.shapes };
    const varies = (name: string): boolean =>
      name !== '' && index.constantSource(name) === undefined && index.constantMaker(name) === undefined;
    for (const node of index.graph.node) {
      if (adds.has(node) || !node.output.some(varies)) continue;
      const inputs = tensorsReadBy(node).filter((tensor) => varies(tensor) || computedTensor(index, tensor));
      const product = byNode.get(node);
      const name = product?.name ?? names.of(node);
      if (product !== undefined && !product.addsForeign) {
        const step = { flow: this.#product(product), outputs: [product.output] };
        this.#add(node, name, [node.input[0]!], [step], index, unique);
        continue;
      }
      const found = operatorOf(node)?.flow?.(node, context) ?? { type: 'other', reason: reasonOf(node) };
      this.#add(node, name, inputs, 'type' in found ? [{ flow: found }] : found, index, unique);
    }
  }

  get layers(): readonly FeatureLayer[] {
    return [...this.#weighted.values()].map(({ layer }) => layer);
  }

  shape(tensor: string): Shape | undefined {
    return this.#between.get(tensor) ?? this.shapes.shape(tensor);
  }

  /** The node of an operation. */
  nodeOf(operation: string): NodeProto {
    return this.#nodes.get(operation)!;
  }

  /** The nodes of a layer. */
  weighted(layer: string): WeightedNode {
    const found = this.#weighted.get(layer);
    if (found === undefined) throw new Error(`no layer is called ${layer}`);
    return found;
  }

  /** The last step has the name of the node, and makes its outputs unless it says others. */
  #add(
    node: NodeProto,
    name: string,
    inputs: readonly string[],
    steps: readonly FlowStep[],
    index: GraphIndex,
    unique: UniqueNames,
  ): void {
    let read = inputs;
    for (const [i, step] of steps.entries()) {
      const last = i === steps.length - 1;
      const own = last ? name : `${name}#${i + 1}`;
      const made =
        step.outputs ?? (last ? node.output.filter((output) => output !== '') : [`${name}#${i + 1}`]);
      for (const [o, shape] of (step.shapes ?? []).entries()) this.#between.set(made[o]!, shape);
      const flow = step.flow.type === 'weights' ? this.#weigh(index, node, step.flow, unique) : step.flow;
      this.#nodes.set(own, node);
      this.operations.push({
        name: own,
        ...(!last && { partOf: name }),
        label: node.opType,
        inputs: step.inputs ?? read,
        outputs: made,
        flow,
        effect: last ? this.#effects.of(node) : undefined,
      });
      read = made;
    }
  }

  #product(product: OnnxLayer): FeatureFlow {
    const { name, outputs, inputs, shared } = product.layer;
    const layer = {
      name,
      kind: 'product',
      outputs,
      inputs,
      span: 1,
      groups: 1,
      bias: product.bias !== undefined,
      shared,
    } as const;
    this.#weighted.set(name, {
      layer,
      node: product.node,
      weights: product.weights,
      layout: 'outputs first',
      bias: product.bias,
      product,
    });
    return { type: 'layer', layer: name, reads: -1, makes: -1 };
  }

  #weigh(
    index: GraphIndex,
    node: NodeProto,
    { kind, bias: slot, layout, groups, axis }: WeightsFlow,
    unique: UniqueNames,
  ): FeatureFlow {
    const weights = index.constantSource(node.input[1]!)!;
    const source = slot === undefined ? undefined : index.constantSource(node.input[slot]!);
    const filters = dimsOf(weights.tensor);
    const [first, second] = weights.transposed ? [filters[1]!, filters[0]!] : [filters[0]!, filters[1]!];
    const [outputs, inputs] = layout === 'inputs first' ? [second * groups, first] : [first, second * groups];
    const name = unique.add(nameOfWeights(weights.names.at(-1)!) ?? (node.name || node.output[0]!));
    const layer: FeatureLayer = {
      name,
      kind,
      outputs,
      inputs,
      span: filters.slice(2).reduce((span, size) => span * size, 1),
      groups,
      ...(node.opType === 'Conv' && isStandard(node) && { window: windowOf(node, filters.slice(2)) }),
      bias: source !== undefined,
      shared: index.isSharedSource(weights) || (source !== undefined && index.isSharedSource(source)),
    };
    const bias = source && { node, slot: slot!, source };
    this.#weighted.set(name, { layer, node, weights, layout, bias, product: undefined });
    return groups > 1 && groups === inputs
      ? { type: 'depthwise', layer: name, axis, multiplier: outputs / inputs }
      : { type: 'layer', layer: name, reads: axis, makes: axis };
  }
}

/** A tensor that is computed from constants alone and is none itself. */
function computedTensor(index: GraphIndex, tensor: string): boolean {
  return index.constantSource(tensor) === undefined && index.constantMaker(tensor) !== undefined;
}

function reasonOf(node: NodeProto): string {
  return operatorOf(node)?.apart ?? 'does not keep features apart, for all that is known';
}
