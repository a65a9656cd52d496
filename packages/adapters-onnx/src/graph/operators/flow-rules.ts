/** How features move through operators, as `FeatureFlow` says it. */
import type { ConstantOperand, FeatureFlow } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute } from '../../proto/onnx-protos.js';
import { dimsOf, sizeOf } from '../../proto/tensor-values.js';
import { axesOf, numbersOf, partSizes, slicesOf } from './operands.js';
import type { ShapeContext } from './operator.js';

/** Undefined where the node has a form of which nothing is known. */
export type FlowRule = (node: NodeProto, context: ShapeContext) => FeatureFlow | undefined;

/** Constant operands by slot, with their shapes. */
function constantsOf(node: NodeProto, { index }: ShapeContext): ConstantOperand[] {
  return node.input.flatMap((name, slot) => {
    const source = name === '' ? undefined : index.constantSource(name);
    if (source === undefined) return [];
    const shape = dimsOf(source.tensor);
    return [{ slot, shape: source.transposed ? shape.toReversed() : shape }];
  });
}

/** The places of axes, counted from the end. */
function fromEnd(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis : axis - rank));
}

function rankOf(node: NodeProto, { shapes }: ShapeContext): number | undefined {
  return shapes.rank(node.input[0] ?? '');
}

export const elementwise: FlowRule = (node, context) => ({
  type: 'elementwise',
  constants: constantsOf(node, context),
});

/** Only the first input holds features; the others say how it is done. */
export const steered: FlowRule = () => ({ type: 'elementwise', constants: [] });

export const sizes: FlowRule = () => ({ type: 'sizes' });

export const reshapes: FlowRule = () => ({ type: 'reshape' });

/** One value per channel on axis 1. */
export const perChannel: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  if (rank === undefined || rank < 2) return undefined;
  const constants = constantsOf(node, context);
  return { type: 'elementwise', constants: constants.map((constant) => ({ ...constant, axis: 1 - rank })) };
};

export const transposes: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  const reversed = Array.from({ length: rank ?? 0 }, (_, axis) => (rank ?? 0) - 1 - axis);
  const permutation = intsAttribute(node, 'perm') ?? (rank === undefined ? undefined : reversed);
  return permutation && { type: 'transpose', permutation };
};

/** Positions behind the channels. */
export function mixesPositions(reason: string): FlowRule {
  return (node, context) => {
    const rank = rankOf(node, context);
    if (rank === undefined) return undefined;
    return {
      type: 'mixing',
      axes: Array.from({ length: Math.max(0, rank - 2) }, (_, axis) => axis + 2 - rank),
      dropped: false,
      reason,
    };
  };
}

export const resizes: FlowRule = (node, context) => {
  const [before, after] = [context.shapes.shape(node.input[0]!), context.shapes.shape(node.output[0]!)];
  const channels = before?.[1] !== undefined && before[1] === after?.[1];
  return channels ? mixesPositions('mixes values of neighbouring places')(node, context) : undefined;
};

export const reduces: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  if (rank === undefined) return undefined;
  const dropped = intAttribute(node, 'keepdims', 1) === 0;
  const named = axesOf(node, context);
  if (named === undefined && node.input[1]) return undefined;
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const none = named === undefined || named.length === 0;
  if (none && intAttribute(node, 'noop_with_empty_axes', 0) === 1)
    return { type: 'elementwise', constants: [] };
  return { type: 'mixing', axes: fromEnd(none ? all : named, rank), dropped, reason: 'reduces their axis' };
};

/** One axis, or, before operator set 13, all from it on. */
export function mixesAxis(reason: string): FlowRule {
  return (node, context) => {
    const rank = rankOf(node, context);
    const old = context.index.opset < 13;
    const axis = intAttribute(node, 'axis', old ? 1 : -1);
    if (rank === undefined) return undefined;
    const [first] = fromEnd([axis], rank) as [number];
    const axes = old ? Array.from({ length: -first }, (_, i) => first + i) : [first];
    return { type: 'mixing', axes, dropped: false, reason };
  };
}

/** All axes from one on, whose mean and variance make the values alike. */
export const normalises: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  const axis = intAttribute(node, 'axis', -1);
  if (rank === undefined && axis !== -1) return undefined;
  const [first] = fromEnd([axis], rank ?? 1) as [number];
  return {
    type: 'mixing',
    axes: Array.from({ length: -first }, (_, i) => first + i),
    dropped: false,
    reason: 'normalises over them',
  };
};

/** A product of two tensors that vary; those with weights are layers. */
export const contracts: FlowRule = (node, { shapes }) => {
  const ranks = node.input.slice(0, 2).map((name) => shapes.rank(name));
  return ranks.every((rank) => rank !== undefined && rank >= 2) ? { type: 'contraction' } : undefined;
};

export const concatenates: FlowRule = (node, context) => {
  const rank = context.shapes.rank(node.output[0]!);
  if (rank === undefined || node.input.some((name) => context.index.constantSource(name) !== undefined))
    return undefined;
  return { type: 'concat', axis: fromEnd([intAttribute(node, 'axis', 0)], rank)[0]! };
};

export const splits: FlowRule = (node, context) => {
  const shape = context.shapes.sizes(node.input[0]!);
  const lengths = shape && partSizes(node, context, shape);
  if (shape === undefined || lengths === undefined) return undefined;
  const [axis] = fromEnd([intAttribute(node, 'axis', 0)], shape.length) as [number];
  let start = 0;
  const parts = [];
  for (const length of lengths) {
    if (typeof length !== 'number') return undefined;
    parts.push({ start, length });
    start += length;
  }
  return { type: 'slice', axis, parts };
};

/** The axis, start and length of every axis that a Slice in steps of one cuts; undefined when they are not known. */
export function cutsOf(
  node: NodeProto,
  context: ShapeContext,
): { axis: number; start: number; length: number }[] | undefined {
  const shape = context.shapes.sizes(node.input[0]!);
  const slices = shape && slicesOf(node, context, shape);
  if (shape === undefined || slices === undefined) return undefined;
  const cuts = [];
  for (const { axis, start, step, length } of slices) {
    if (step !== 1 || typeof start !== 'number') return undefined;
    if (start === 0 && length === shape[axis]) continue;
    if (typeof length !== 'number') return undefined;
    cuts.push({ axis: axis - shape.length, start, length });
  }
  return cuts;
}

/** With one axis to cut; others are `other`, since each axis would need its own operation. */
export const slices: FlowRule = (node, context) => {
  const cuts = cutsOf(node, context);
  if (cuts === undefined || cuts.length > 1) return undefined;
  const [cut] = cuts;
  if (cut === undefined) return { type: 'elementwise', constants: [] };
  return { type: 'slice', axis: cut.axis, parts: [{ start: cut.start, length: cut.length }] };
};

/** Axes with something added at an edge. */
export const pads: FlowRule = (node, context) => {
  const rank = context.shapes.rank(node.input[0]!);
  const amounts = intsAttribute(node, 'pads') ?? numbersOf(node.input[1], context);
  const named = node.input[3] ? numbersOf(node.input[3], context) : undefined;
  if (rank === undefined || amounts === undefined || (node.input[3] && named === undefined)) return undefined;
  const axes = fromEnd(named ?? Array.from({ length: rank }, (_, axis) => axis), rank);
  const half = amounts.length / 2;
  return {
    type: 'mixing',
    axes: axes.filter((_, i) => amounts[i] !== 0 || amounts[half + i] !== 0),
    dropped: false,
    reason: 'adds values beside them',
  };
};

/** Stretches axes of length one, or adds some in front. */
export const expands: FlowRule = (node, { shapes }) => {
  const [before, after] = [shapes.shape(node.input[0]!), shapes.shape(node.output[0]!)];
  return before && after ? { type: 'elementwise', constants: [] } : undefined;
};

/** Runs along an axis, value after value. */
export function runsAlong(reason: string): FlowRule {
  return (node, context) => {
    const axis = numbersOf(node.input[1], context);
    const rank = rankOf(node, context);
    if (rank === undefined || axis?.length !== 1) return undefined;
    return { type: 'mixing', axes: fromEnd(axis, rank), dropped: false, reason };
  };
}

/** Places of an axis, picked by a constant: one of them is a slice whose axis goes, others mix. */
export const gathers: FlowRule = (node, { index, shapes }) => {
  const rank = shapes.rank(node.input[0]!);
  if (rank === undefined || index.constantSource(node.input[0]!) !== undefined) return undefined;
  const [axis] = fromEnd([intAttribute(node, 'axis', 0)], rank) as [number];
  const picked = shapes.rank(node.input[1]!);
  if (picked === undefined || picked > 1) return undefined;
  return { type: 'mixing', axes: [axis], dropped: picked === 0, reason: 'picks some of them' };
};

/** Whether a Conv has one filter, or several, for each channel. */
export function isDepthwise(node: NodeProto, filters: readonly number[]): boolean {
  const groups = intAttribute(node, 'group', 1);
  return groups > 1 && filters[1] === 1;
}

/** With a single value of γ for all, which Identity-like operators have. */
export const quantises: FlowRule = (node, { index }) => {
  const single = node.input.slice(1).every((name) => {
    const tensor = name === '' ? undefined : index.constant(name);
    return name === '' || (tensor !== undefined && sizeOf(tensor) === 1);
  });
  return single && attribute(node, 'block_size') === undefined
    ? { type: 'elementwise', constants: [] }
    : undefined;
};
