/** What operations do to the factors and the order of the features that pass them. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, type OperationEffect, stops } from '@spherize/core';
import { floatValues, isFloat, sizeOf } from '../../artifacts/weights.js';
import type { GraphIndex } from '../nodes/graph-index.js';
import { channelsLast, integer, integers, isWellFused, type NodeDef } from '../nodes/node-def.js';
import { BACK, type Filtering, FORWARD, filterRoles } from './filters.js';
import type { EffectRule } from './operation.js';

/** Number of values of a constant that holds one for all, or one per feature on the last axis. */
export function perFeature(index: GraphIndex, tensor: string | undefined): number | undefined {
  const source = index.constant(tensor);
  if (source === undefined || !isFloat(source.weight)) return undefined;
  const { shape } = source.weight.spec;
  const size = sizeOf(shape);
  return size === 1 || shape.at(-1) === size ? size : undefined;
}

/** Slopes for negative values in a constant. */
export function slopes(index: GraphIndex, tensor: string | undefined): OperationEffect {
  const features = perFeature(index, tensor);
  if (features === undefined) return stops('has slopes that are not per feature');
  return features === 1 ? HOMOGENEOUS : { type: 'homogeneous-per-feature', features };
}

/** An operation of two operands, one of them a constant. */
function withConstant(
  alike: (slot: number, zero: boolean) => OperationEffect,
  each: (features: number, slot: number) => OperationEffect,
): EffectRule {
  return ({ input }, index) => {
    const slot = input.findIndex((name) => index.constant(name) !== undefined);
    const constant = index.constant(input[slot]);
    if (constant === undefined || input.length !== 2) return stops('combines several tensors');
    const features = perFeature(index, input[slot]);
    const zero = isFloat(constant.weight) && floatValues(constant.weight).every((value) => value === 0);
    if (features === undefined && sizeOf(constant.weight.spec.shape) !== 1)
      return stops('has a constant that is not per feature');
    return features === undefined || features === 1 ? alike(slot, zero) : each(features, slot);
  };
}

export const combines: EffectRule = withConstant(
  () => ELEMENTWISE,
  (features) => ({ type: 'elementwise-per-feature', features }),
);
export const shifts: EffectRule = withConstant(
  () => ELEMENTWISE,
  (features) => ({ type: 'shift', features }),
);
/** max(v, β): factors go into β as well. */
export const bounds: EffectRule = withConstant(
  (_, zero) => (zero ? HOMOGENEOUS : ELEMENTWISE),
  (features) => ({ type: 'bound', features }),
);
export const multiplies: EffectRule = withConstant(
  () => LINEAR,
  (features) => ({ type: 'affine', features }),
);
export const divides: EffectRule = withConstant(
  (slot) => (slot === 1 ? LINEAR : ELEMENTWISE),
  (features, slot) => ({ type: slot === 1 ? 'affine' : 'elementwise-per-feature', features }),
);

/** v / c, or zero where c is. */
export const dividesUnlessZero: EffectRule = withConstant(
  (slot) => (slot === 1 ? LINEAR : ELEMENTWISE),
  (features) => ({ type: 'elementwise-per-feature', features }),
);

export const slopesOfNode: EffectRule = ({ input }, index) => slopes(index, input[1]);

/** Between floats factors and sums pass; whole numbers cut off. */
export const casts: EffectRule = ({ attr }) =>
  isFloatType(attr.SrcT) && isFloatType(attr.DstT) ? LINEAR : ELEMENTWISE;

function isFloatType(value: unknown): boolean {
  return JSON.stringify(value ?? '').includes('DT_FLOAT');
}

function convolution(filtering: Filtering): EffectRule {
  return (node, index) => {
    if (node.op === '_FusedConv2D' && !isWellFused(node))
      return stops('has operands that do not fit what is fused');
    const filters = index.constant(node.input[1]);
    const { shape } = filters?.weight.spec ?? { shape: [] };
    const count = shape[filterRoles(filtering, shape.length).indexOf('output')];
    if (filters === undefined || count === undefined) return stops('has filters of unknown number');
    if (!channelsLast(node)) return stops('is channels-first');
    return { type: 'convolution', filters: count, foldable: hasOwn(node, index, filtering.input) };
  };
}
export const convolves: EffectRule = convolution(FORWARD);
export const convolvesBack: EffectRule = convolution(BACK);

/** Whether filters and bias are constant floats that nothing else reads. */
function hasOwn({ input }: NodeDef, index: GraphIndex, image = 0): boolean {
  return input.slice(1).every((name, i) => {
    if (i + 1 === image) return true;
    const source = index.constant(name);
    return source !== undefined && isFloat(source.weight) && !index.isShared(source);
  });
}

/** One filter per channel is a linear function of it, with a bias. */
export const convolvesEach: EffectRule = (node, index) => {
  const shape = index.constant(node.input[1])?.weight.spec.shape ?? [];
  const filters = (shape[2] ?? 0) * (shape[3] ?? 1);
  if (shape[3] === 1 && channelsLast(node) && hasOwn(node, index) && isWellFused(node))
    return { type: 'affine', features: filters };
  return filters > 0
    ? { type: 'convolution', filters, foldable: false }
    : stops('has filters of unknown number');
};

export const normalises: EffectRule = (node, index) => {
  const counts = node.input.slice(1, 5).map((name) => perFeature(index, name));
  const [features] = counts;
  const fits = features !== undefined && counts.every((count) => count === features);
  return fits && channelsLast(node)
    ? { type: 'affine', features }
    : stops('has parameters that are not per feature');
};

export const pools: EffectRule = (node, index) => pooling(node, index, channelsLast(node));

export const reduces: EffectRule = (node, index) => {
  const axes = index.integers(node.input[1]) ?? [];
  return pooling(node, index, axes.length > 0 && axes.every((axis) => axis === 1 || axis === 2));
};

const CONVOLUTIONS = new Set(['Conv1D', 'Conv2D', '_FusedConv2D', 'Conv3D', 'Conv2DBackpropInput']);
/** What adds up all places, or takes their mean. */
const MEANS = new Set(['AvgPool', 'Mean', 'Sum']);
/** Operations that move axes, so that the last one may no longer be that of the features. */
const LAYS_OUT = new Set(['Reshape', 'Transpose', 'ExpandDims', 'Squeeze']);

function pooling(node: NodeDef, index: GraphIndex, apart: boolean): OperationEffect {
  if (!apart) return stops('mixes features');
  for (let tensor = node.input[0]; tensor !== undefined; ) {
    const maker = index.producer(tensor);
    if (maker === undefined || CONVOLUTIONS.has(maker.op) || maker.op === 'NextIteration') break;
    if (LAYS_OUT.has(maker.op)) return stops(`pools what ${maker.name} laid out`);
    tensor = index.activation(maker);
  }
  return { type: 'pooling', linear: MEANS.has(node.op) };
}

export const squeezes: EffectRule = (node) => {
  const axes = integers(node, 'squeeze_dims');
  const spatial = axes.length > 0 && axes.every((axis) => axis === 1 || axis === 2 || axis < -1);
  return spatial ? { type: 'layout', perSample: true } : stops('may move the features');
};

/** Features stay the last axis. */
export const expands: EffectRule = (node, index) => {
  const [axis] = index.integers(node.input[1]) ?? [];
  const before = axis !== undefined && (axis === 1 || axis < -1);
  return before ? { type: 'layout', perSample: true } : stops('may move the features');
};

/** Sizes of the batch, and of the positions of an image that a transposed convolution reads too, which folding never changes. */
export const tellsSizes: EffectRule = (node, index) => {
  const read = index.consumers(node.input[0]!);
  const others = read.some(({ op }) => op === 'Conv2DBackpropInput') ? 3 : 1;
  const apart = index.consumers(node.name).every((reader) => {
    const [[from], [to]] = [1, 2].map((slot) => index.integers(reader.input[slot]) ?? []) as [
      number[],
      number[],
    ];
    const whole = ['begin_mask', 'end_mask', 'ellipsis_mask'].every((mask) => !integer(reader, mask));
    return reader.op === 'StridedSlice' && whole && from! >= 0 && to! > from! && to! <= others;
  });
  return apart && !index.outputs.includes(node.name) ? { type: 'apart' } : stops('tells sizes, not values');
};

export const reshapes: EffectRule = (node, index) => {
  const target = index.integers(node.input[1]);
  if (target === undefined) return stops('has a computed shape');
  const wide = target.slice(1).filter((size) => size !== 1);
  // Batch first: what a sample keeps to itself is not known without the shape before.
  return wide.length <= 1 && target[0] === -1
    ? { type: 'layout', perSample: false, size: wide[0] }
    : stops('may split or merge features');
};
