/** Convolutions whose input channels can be clustered as the columns of fully connected layers are. */
import type { FilterWindow } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute, isStandard } from '../proto/onnx-protos.js';
import { dimsOf, isFloatType, sizeOf } from '../proto/tensor-values.js';
import type { ConstantSource, GraphIndex } from '../tensors/graph-index.js';
import type { OnnxLayer } from './fc-layers.js';

/**
 * A convolution of one group with filters and a bias of its own.
 *
 * @returns undefined for any other node
 */
export function convolutionLayer(index: GraphIndex, node: NodeProto, name: string): OnnxLayer | undefined {
  const operands = filtersAndBias(index, node);
  if (operands === undefined || isShared(index, operands)) return undefined;
  const { weights, source } = operands;
  const [outputs, inputs, ...kernel] = dimsOf(weights.tensor) as [number, number, ...number[]];
  const tensor = weights.names.at(-1)!;
  return {
    layer: {
      name,
      aliases: [...new Set([node.name, tensor])].filter((alias) => alias !== name && alias !== ''),
      outputs,
      inputs,
      window: windowOf(node, kernel),
      input: node.input[0]!,
      shared: false,
    },
    name,
    node,
    add: undefined,
    output: node.output[0]!,
    weights,
    outputsFirst: true,
    bias: source && { node, slot: 2, source },
    addsForeign: false,
    alpha: 1,
    beta: 1,
  };
}

/** Why convolutions are no layers, as the end of a sentence; only of those that would be if nothing else read their constants. */
export function whyNoLayers(index: GraphIndex): ReadonlyMap<NodeProto, string> {
  return new Map(
    index.graph.node.flatMap((node) => {
      const operands = filtersAndBias(index, node);
      if (operands === undefined) return [];
      const why = isShared(index, operands)
        ? 'its filters or its bias are shared'
        : dimsOf(operands.weights.tensor)[1]! < 2
          ? 'it reads one channel'
          : 'it is compressed where it is named';
      return [[node, why] as const];
    }),
  );
}

interface Operands {
  readonly weights: ConstantSource;
  readonly source: ConstantSource | undefined;
}

/** The constants of a convolution of one group, where they are floats. */
function filtersAndBias(index: GraphIndex, node: NodeProto): Operands | undefined {
  if (index.opset < 7 || node.opType !== 'Conv' || !isStandard(node)) return undefined;
  if (intAttribute(node, 'group', 1) !== 1) return undefined;
  const [input] = node.input as [string];
  if (index.constantSource(input) !== undefined || index.constantMaker(input) !== undefined) return undefined;
  const weights = index.constantSource(node.input[1] ?? '');
  if (weights === undefined || weights.quantised.length > 0 || weights.transposed) return undefined;
  if (!isFloatType(weights.tensor.dataType) || sizeOf(weights.tensor) === 0) return undefined;
  const source = node.input[2] ? index.constantSource(node.input[2]) : undefined;
  const fits = source !== undefined && !source.transposed && isFloatType(source.tensor.dataType);
  return !node.input[2] || fits ? { weights, source } : undefined;
}

function isShared(index: GraphIndex, { weights, source }: Operands): boolean {
  return index.isSharedSource(weights) || (source !== undefined && index.isSharedSource(source));
}

/** Where a `Conv` looks. */
export function windowOf(node: NodeProto, kernel: readonly number[]): FilterWindow {
  const ones = kernel.map(() => 1);
  const given = intsAttribute(node, 'pads') ?? [];
  const auto = new TextDecoder().decode(attribute(node, 'auto_pad')?.s);
  const pads = kernel.map((_, axis) => [given[axis] ?? 0, given[kernel.length + axis] ?? 0] as const);
  return {
    kernel,
    strides: intsAttribute(node, 'strides') ?? ones,
    dilations: intsAttribute(node, 'dilations') ?? ones,
    pads: auto === 'SAME_UPPER' ? 'same-upper' : auto === 'SAME_LOWER' ? 'same-lower' : pads,
    channels: 'first',
  };
}
