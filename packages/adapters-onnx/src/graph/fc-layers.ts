/**
 * Finds the fully connected layers of an ONNX graph: Gemm, and MatMul with or without an Add of a constant bias, whose
 * right operand is a constant matrix.
 */
import type { FcLayer } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { floatAttribute, intAttribute, isStandard } from '../proto/onnx-protos.js';
import { dataTypeName, dimsOf, isFloatType, sizeOf } from '../proto/tensor-values.js';
import { quantisedConstant } from '../tensors/dequantization.js';
import type { ConstantSource, GraphIndex } from '../tensors/graph-index.js';
import { nameOfWeights, UniqueNames } from './layer-names.js';
import { operatorOf } from './operators/operator-table.js';
import type { TensorShapes } from './tensor-shapes.js';

/** The constant that a layer adds, and the operand that holds it. */
export interface BiasOperand {
  readonly node: NodeProto;
  /** Which input of the node. */
  readonly slot: number;
  readonly source: ConstantSource;
}

/** A fully connected layer, or a convolution that is compressed like one, with the nodes and tensors that make it up. */
export interface OnnxLayer {
  readonly layer: FcLayer;
  readonly name: string;
  /** Gemm, MatMul or Conv; its second input is the weight operand. */
  readonly node: NodeProto;
  /** The Add of the bias behind a MatMul. */
  readonly add: NodeProto | undefined;
  /** The tensor that the layer produces. */
  readonly output: string;
  readonly weights: ConstantSource;
  /** Whether the constant tensor has shape `[outputs, inputs]` rather than `[inputs, outputs]`. */
  readonly outputsFirst: boolean;
  readonly bias: BiasOperand | undefined;
  /** Whether the layer adds something that is no bias of its own: its outputs must stay as they are. */
  readonly addsForeign: boolean;
  /** The factors of the product and of the bias. */
  readonly alpha: number;
  readonly beta: number;
}

/** A Gemm or MatMul that cannot be compressed. */
export interface UnfitProduct {
  readonly name: string;
  readonly reason: string;
}

/**
 * @param names names that layers had in the model this one comes from, by the tensor that they produce
 */
export function findFcLayers(
  index: GraphIndex,
  shapes: TensorShapes,
  names: ReadonlyMap<string, string>,
): { layers: OnnxLayer[]; unfit: ReadonlyMap<NodeProto, UnfitProduct>; unique: UniqueNames } {
  const layers: OnnxLayer[] = [];
  const unfit = new Map<NodeProto, UnfitProduct>();
  const unique = new UniqueNames(names.values());
  for (const node of index.graph.node) {
    if (!isProduct(node)) continue;
    const weights = index.constantSource(node.input[1]!);
    const reason = whyUnfit(index, shapes, node, weights);
    if (reason === null) continue;
    if (reason !== undefined) {
      unfit.set(node, { name: unique.add(stemOf(index, node, weights)), reason });
      continue;
    }
    layers.push(describe(index, node, weights!, (output, stem) => names.get(output) ?? unique.add(stem)));
  }
  return { layers, unfit, unique };
}

/** Whether a node is a product of matrices as fully connected layers are made of. */
export function isProduct(node: NodeProto): boolean {
  return operatorOf(node)?.weights === 'matrix';
}

/** Why a Gemm or MatMul cannot be compressed; null when it is no layer at all, undefined when nothing is in the way. */
function whyUnfit(
  index: GraphIndex,
  shapes: TensorShapes,
  node: NodeProto,
  weights: ConstantSource | undefined,
): string | null | undefined {
  const [left, right] = node.input as [string, string];
  if (weights === undefined) {
    const maker = index.constantMaker(right);
    if (maker?.opType === 'DequantizeLinear') return quantisedReason(index, maker);
    if (maker !== undefined) return `its weights are computed by ${maker.opType}: fold constants first`;
    const product = index.constantSource(left) === undefined && index.constantMaker(left) === undefined;
    if (product && index.inputs.some(({ name }) => name === right) && shapes.rank(right) === 2)
      return 'its right operand is an input of the model: only constants can be compressed';
    return product
      ? null
      : 'its weights are the left operand of the product, and are no matrix of floats or multiply an input of unknown rank';
  }
  if (index.constantSource(left) !== undefined || index.constantMaker(left) !== undefined) return null;
  const { tensor } = weights;
  if (!isFloatType(tensor.dataType)) return `its weights are of type ${dataTypeName(tensor.dataType)}`;
  if (tensor.dims.length !== 2) return `its weights have ${tensor.dims.length} axes, not two`;
  if (sizeOf(tensor) === 0) return 'its weights are empty';
  if (index.opset < 7) return `operator set ${index.opset} is too old: convert the model to 7 or newer`;
  if (index.opset < 11 && node.opType === 'MatMul' && shapes.rank(left) === undefined)
    return `the rank of its input ${left} is unknown, and operator set ${index.opset} needs it: infer shapes first, or convert the model to 11 or newer`;
  return undefined;
}

function quantisedReason(index: GraphIndex, dequantise: NodeProto): string {
  const type = index.constant(dequantise.input[0]!)?.dataType;
  if (quantisedConstant(dequantise, (name) => index.constant(name)) === undefined) {
    const what = type === undefined ? '' : ` as ${dataTypeName(type)}`;
    return `its weights are quantised${what} in a way that is not supported`;
  }
  return `its weights are quantised as ${dataTypeName(type!)}: --dequantize compresses them as floats`;
}

function stemOf(index: GraphIndex, node: NodeProto, weights: ConstantSource | undefined): string {
  const tensor = weights?.quantised[0] ?? weights?.names.at(-1) ?? quantisedOperand(index, node);
  return (tensor === undefined ? undefined : nameOfWeights(tensor)) ?? (node.name || node.output[0]!);
}

/** The tensor behind the DequantizeLinear that a product reads its weights from. */
function quantisedOperand(index: GraphIndex, node: NodeProto): string | undefined {
  const maker = index.constantMaker(node.input[1]!);
  return maker?.opType === 'DequantizeLinear' ? maker.input[0] : undefined;
}

function describe(
  index: GraphIndex,
  node: NodeProto,
  weights: ConstantSource,
  nameFor: (output: string, stem: string) => string,
): OnnxLayer {
  const gemm = node.opType === 'Gemm';
  const outputsFirst = (gemm && intAttribute(node, 'transB', 0) === 1) !== weights.transposed;
  const [rows, columns] = dimsOf(weights.tensor) as [number, number];
  const outputs = outputsFirst ? rows : columns;
  const inputs = outputsFirst ? columns : rows;
  const addend = gemm && node.input[2] ? node.input[2] : undefined;
  const bias = gemm
    ? addend === undefined
      ? undefined
      : biasOperand(index, node, 2, outputs)
    : addedBias(index, node.output[0]!, outputs);
  const add = gemm ? undefined : bias?.node;
  const output = (add ?? node).output[0]!;
  const name = nameFor(output, stemOf(index, node, weights));
  const tensor = weights.quantised[0] ?? weights.names.at(-1)!;
  return {
    layer: {
      name,
      aliases: [...new Set([node.name, tensor])].filter((alias) => alias !== name && alias !== ''),
      outputs,
      inputs,
      input: node.input[0]!,
      shared: index.isSharedSource(weights),
    },
    name,
    node,
    add,
    output,
    weights,
    outputsFirst,
    bias,
    addsForeign: addend !== undefined && bias === undefined,
    alpha: gemm ? floatAttribute(node, 'alpha', 1) : 1,
    beta: gemm ? floatAttribute(node, 'beta', 1) : 1,
  };
}

/** The Add behind a MatMul, if it adds one constant per output and is the only reader. */
function addedBias(index: GraphIndex, product: string, outputs: number): BiasOperand | undefined {
  const [add] = index.consumers(product);
  if (index.uses(product) !== 1 || add === undefined) return undefined;
  if (add.opType !== 'Add' || !isStandard(add) || add.input.length !== 2) return undefined;
  return biasOperand(index, add, add.input[0] === product ? 1 : 0, outputs);
}

function biasOperand(
  index: GraphIndex,
  node: NodeProto,
  slot: number,
  outputs: number,
): BiasOperand | undefined {
  const source = index.constantSource(node.input[slot]!);
  if (source === undefined || source.transposed || !isFloatType(source.tensor.dataType)) return undefined;
  const size = sizeOf(source.tensor);
  const perOutput = size === outputs && (dimsOf(source.tensor).at(-1) ?? 1) === outputs;
  return perOutput || size === 1 ? { node, slot, source } : undefined;
}
