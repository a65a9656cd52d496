/** Which axes of a tensor of weights get a scale for each of their places: those of the outputs that are made with it. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute, isStandard } from '../proto/onnx-protos.js';
import type { GraphIndex } from '../tensors/graph-index.js';

/** Neighbouring axes `[first, end)`. */
export type RowAxes = readonly [number, number];

/** By what reads the tensor first; of one that is no matrix or filter to anybody, each run along the last axis is a row. */
export function rowAxes(index: GraphIndex, name: string, rank: number): RowAxes {
  for (const node of index.consumers(name)) {
    const axis = axisIn(index, node, name, rank);
    if (axis !== undefined) return [axis, axis + 1];
  }
  return [0, rank - 1];
}

function axisIn(index: GraphIndex, node: NodeProto, name: string, rank: number): number | undefined {
  if (!isStandard(node)) return undefined;
  const slot = node.input.indexOf(name);
  switch (node.opType) {
    case 'MatMul':
      return slot === 1 ? rank - 1 : rank - 2;
    case 'Gemm':
      return slot === 1 ? 1 - intAttribute(node, 'transB', 0) : intAttribute(node, 'transA', 0);
    case 'Conv':
      return slot === 1 ? 0 : undefined;
    case 'ConvTranspose':
      return slot === 1 ? 1 : undefined;
    case 'Identity':
    case 'Transpose': {
      const axes = Array.from({ length: rank }, (_, i) => rank - 1 - i);
      const from = node.opType === 'Identity' ? axes.reverse() : (intsAttribute(node, 'perm') ?? axes);
      for (const reader of index.consumers(node.output[0]!)) {
        const axis = axisIn(index, reader, node.output[0]!, rank);
        if (axis !== undefined) return from[axis];
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** A shape with every axis but those of the rows at length 1, as it is broadcast. */
export function scaleShape(dims: readonly number[], [first, end]: RowAxes): number[] {
  return dims.map((size, axis) => (axis >= first && axis < end ? size : 1));
}
