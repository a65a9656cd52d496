/** Lists the operations of an ONNX graph as core's feature flow, with all layers that have weights: products and convolutions. */
import type { FeatureFlow, FeatureGraph, FeatureLayer, FlowOperation } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { intAttribute, type Shape } from '../proto/onnx-protos.js';
import { dimsOf, isFloatType } from '../proto/tensor-values.js';
import { type ConstantSource, type GraphIndex, tensorsReadBy } from '../tensors/graph-index.js';
import { boundShapes } from './bound-shapes.js';
import type { OnnxLayer } from './fc-layers.js';
import type { GraphDescription } from './graph-description.js';
import { nameOfWeights, UniqueNames } from './layer-names.js';
import { isDepthwise } from './operators/flow-rules.js';
import { operatorOf } from './operators/operator-table.js';
import type { TensorShapes } from './tensor-shapes.js';

/** A layer of the feature graph with the nodes and constants that make it up. */
export interface WeightedNode {
  readonly layer: FeatureLayer;
  readonly node: NodeProto;
  readonly weights: ConstantSource;
  readonly bias:
    | { readonly node: NodeProto; readonly slot: number; readonly source: ConstantSource }
    | undefined;
  /** The fully connected layer that it is; undefined for a convolution. */
  readonly product: OnnxLayer | undefined;
}

export class OnnxFeatureGraph implements FeatureGraph {
  readonly operations: readonly FlowOperation[];
  readonly outputs: readonly string[];
  /** With one size for each free axis. */
  readonly shapes: TensorShapes;
  readonly #weighted = new Map<string, WeightedNode>();

  constructor(index: GraphIndex, description: GraphDescription, products: readonly OnnxLayer[]) {
    this.shapes = boundShapes(index);
    this.outputs = index.graph.output.map(({ name }) => name);
    const byNode = new Map(products.map((layer) => [layer.node, layer]));
    const adds = new Set(products.map(({ add }) => add));
    const unique = new UniqueNames(products.map(({ name }) => name));
    const context = { index, shapes: this.shapes };
    const varies = (name: string): boolean =>
      name !== '' && index.constantSource(name) === undefined && index.constantMaker(name) === undefined;
    this.operations = index.graph.node.flatMap((node): FlowOperation[] => {
      if (adds.has(node) || !node.output.some(varies)) return [];
      const name = description.nameOf(node);
      const label = node.opType;
      const inputs = tensorsReadBy(node).filter((tensor) => varies(tensor) || computedTensor(index, tensor));
      const product = byNode.get(node);
      if (product !== undefined && !product.addsForeign) {
        const flow = this.#product(product);
        return [{ name, label, inputs: [node.input[0]!], outputs: [product.output], flow }];
      }
      const operator = operatorOf(node);
      const flow =
        this.#convolution(index, node, unique) ??
        operator?.flow?.(node, context) ??
        ({ type: 'other', reason: reasonOf(node) } as const);
      return [{ name, label, inputs, outputs: node.output.filter((output) => output !== ''), flow }];
    });
  }

  get layers(): readonly FeatureLayer[] {
    return [...this.#weighted.values()].map(({ layer }) => layer);
  }

  shape(tensor: string): Shape | undefined {
    return this.shapes.shape(tensor);
  }

  /** The nodes of a layer. */
  weighted(layer: string): WeightedNode {
    const found = this.#weighted.get(layer);
    if (found === undefined) throw new Error(`no layer is called ${layer}`);
    return found;
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
      bias: product.bias,
      product,
    });
    return { type: 'layer', layer: name, reads: -1, makes: -1 };
  }

  #convolution(index: GraphIndex, node: NodeProto, unique: UniqueNames): FeatureFlow | undefined {
    const transposed = node.opType === 'ConvTranspose';
    if ((node.opType !== 'Conv' && !transposed) || node.domain !== '') return undefined;
    const weights = index.constantSource(node.input[1] ?? '');
    const source = node.input[2] ? index.constantSource(node.input[2]) : undefined;
    if (weights === undefined || !isFloatType(weights.tensor.dataType) || weights.quantised.length > 0)
      return { type: 'other', reason: 'has filters that are no constant floats' };
    if (node.input[2] && (source === undefined || !isFloatType(source.tensor.dataType)))
      return { type: 'other', reason: 'has a bias that is no constant' };
    const filters = dimsOf(weights.tensor);
    const groups = intAttribute(node, 'group', 1);
    if (transposed && groups !== 1) return { type: 'other', reason: 'is a grouped transposed convolution' };
    const [outputs, inputs] = transposed ? [filters[1]!, filters[0]!] : [filters[0]!, filters[1]! * groups];
    const name = unique.add(nameOfWeights(weights.names.at(-1)!) ?? (node.name || node.output[0]!));
    const layer: FeatureLayer = {
      name,
      kind: 'convolution',
      outputs,
      inputs,
      span: filters.slice(2).reduce((span, size) => span * size, 1),
      groups,
      bias: source !== undefined,
      shared: index.isSharedSource(weights) || (source !== undefined && index.isSharedSource(source)),
    };
    const bias = source && { node, slot: 2, source };
    this.#weighted.set(name, { layer, node, weights, bias, product: undefined });
    const axis = 1 - filters.length;
    return isDepthwise(node, filters)
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
