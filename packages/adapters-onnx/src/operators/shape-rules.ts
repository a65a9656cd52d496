/** Shapes that operators make of the shapes that they read. What stays unknown is undefined. */
import { TensorProto_DataType as DataType, type NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute, type Shape } from '../onnx-protos.js';
import { LARGEST_RANK } from '../tensor-values.js';
import type { ShapeContext, ShapeRule, TypeRule } from './operator.js';

function inputShape(node: NodeProto, { shapes }: ShapeContext, slot = 0): Shape | undefined {
  return shapes.shape(node.input[slot] ?? '');
}

/** The shape of the first input. */
export const same: ShapeRule = (node, context) => inputShape(node, context);

/** All inputs, stretched to one shape. */
export const broadcast: ShapeRule = (node, { shapes }) => {
  const all = node.input.map((name) => shapes.shape(name));
  const known = all.filter((shape) => shape !== undefined);
  if (known.length < all.length) return undefined;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = known.map((shape) => {
      const own = axis - rank + shape.length;
      return own < 0 ? 1 : shape[own];
    });
    const wide = sizes.find((size) => size !== undefined && size !== 1);
    return wide ?? (sizes.every((size) => size === 1) ? 1 : undefined);
  });
};

/** Samples and channels stay. */
export const pooled: ShapeRule = (node, context) =>
  inputShape(node, context)?.map((dim, axis) => (axis < 2 ? dim : undefined));

export const convolved: ShapeRule = (node, context) =>
  inputShape(node, context)?.map((dim, axis) =>
    axis === 1 ? inputShape(node, context, 1)?.[0] : axis ? undefined : dim,
  );

export const gemm: ShapeRule = (node, context) => [
  inputShape(node, context)?.[intAttribute(node, 'transA', 0)],
  inputShape(node, context, 1)?.[1 - intAttribute(node, 'transB', 0)],
];

export const matMul: ShapeRule = (node, context) => {
  const left = inputShape(node, context);
  const right = inputShape(node, context, 1);
  if (left === undefined || right === undefined || left.length < 1) return undefined;
  if (right.length === 2) return [...left.slice(0, -1), right[1]];
  if (left.length !== 2) return undefined;
  return right.length === 1 ? [left[0]] : [...right.slice(0, -2), left[0], right.at(-1)];
};

export const flattened: ShapeRule = (node, context) => [
  intAttribute(node, 'axis', 1) === 1 ? inputShape(node, context)?.[0] : undefined,
  undefined,
];

export const transposed: ShapeRule = (node, context) => {
  const input = inputShape(node, context);
  const perm = intsAttribute(node, 'perm') ?? input?.map((_, axis) => input.length - 1 - axis);
  return perm?.map((axis) => input?.[axis]);
};

export const reshaped: ShapeRule = (node, context) => {
  const { index, shapes } = context;
  const input = inputShape(node, context);
  const target = index.constantIntegers(node.input[1]);
  if (target !== undefined) {
    return target.map((dim, axis) => (dim === 0 ? input?.[axis] : dim < 0 ? undefined : dim));
  }
  const rank = inputShape(node, context, 1)?.[0];
  if (rank !== undefined) return rank > LARGEST_RANK ? undefined : Array<undefined>(rank).fill(undefined);
  const parts = index.producer(node.input[1] ?? '');
  if (parts?.opType !== 'Concat' || !parts.input.every((name) => shapes.shape(name)?.[0] === 1))
    return undefined;
  return parts.input.map(() => undefined);
};

export const squeezed: ShapeRule = (node, context) => {
  const input = inputShape(node, context);
  const axes = context.index.axes(node);
  if (input === undefined || axes === undefined) return undefined;
  const gone = new Set(axes.map((axis) => (axis + input.length) % input.length));
  return input.filter((_, axis) => !gone.has(axis));
};

export const unsqueezed: ShapeRule = (node, context) => {
  const input = inputShape(node, context);
  const axes = context.index.axes(node);
  if (input === undefined || axes === undefined) return undefined;
  const rank = input.length + axes.length;
  const added = new Set(axes.map((axis) => (axis + rank) % rank));
  const rest = [...input];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()));
};

export const shapeOf: ShapeRule = (node, context) => [inputShape(node, context)?.length];

export const concatenated: ShapeRule = (node, { shapes }) => {
  const parts = node.input.map((name) => shapes.shape(name));
  const first = parts[0];
  if (first === undefined || parts.some((part) => part?.length !== first.length)) return undefined;
  const along = (intAttribute(node, 'axis', 0) + first.length) % first.length;
  return first.map((_, axis) => {
    const sizes = parts.map((part) => part![axis]);
    if (axis !== along) return sizes.find((size) => size !== undefined);
    return sizes.reduce((sum, size) => (sum === undefined || size === undefined ? undefined : sum + size), 0);
  });
};

/** With constant bounds, in steps of one; the lengths of all other slices are left open. */
export const sliced: ShapeRule = (node, context) => {
  const { index } = context;
  const input = inputShape(node, context);
  if (input === undefined) return undefined;
  const starts = intsAttribute(node, 'starts') ?? index.constantIntegers(node.input[1]);
  const ends = intsAttribute(node, 'ends') ?? index.constantIntegers(node.input[2]);
  const named = intsAttribute(node, 'axes');
  const axes = named ?? (node.input[3] ? index.constantIntegers(node.input[3]) : starts?.map((_, i) => i));
  const steps = node.input[4] ? index.constantIntegers(node.input[4]) : undefined;
  const plain = !node.input[4] || steps?.every((step) => step === 1) === true;
  if (starts === undefined || ends === undefined || axes === undefined || !plain) {
    return input.map(() => undefined);
  }
  const result = [...input];
  for (const [i, axis] of axes.entries()) {
    const place = (axis + input.length) % input.length;
    const size = input[place];
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + size! : at, 0), size!);
    result[place] = size === undefined ? undefined : Math.max(bound(ends[i]!) - bound(starts[i]!), 0);
  }
  return result;
};

/** Every part has the rank of the whole. */
export const split: ShapeRule = (node, context) => {
  const input = inputShape(node, context);
  const along = intAttribute(node, 'axis', 0);
  return input?.map((dim, axis) => (axis === (along + input.length) % input.length ? undefined : dim));
};

/** Positions along one axis, in any order: the rank of a gather by a list stays. */
export const gathered: ShapeRule = (node, context) =>
  context.shapes.rank(node.input[1] ?? '') === 1
    ? inputShape(node, context)?.map(() => undefined)
    : undefined;

export const reduced: ShapeRule = (node, context) => {
  const input = inputShape(node, context);
  const axes = context.index.axes(node);
  if (input === undefined || axes === undefined) return undefined;
  const gone = new Set(axes.map((axis) => (axis + input.length) % input.length));
  if (intAttribute(node, 'keepdims', 1) === 1) return input.map((dim, axis) => (gone.has(axis) ? 1 : dim));
  return input.filter((_, axis) => !gone.has(axis));
};

/** Always the same type. */
export function always(type: number): TypeRule {
  return () => type;
}

/** The type of one of the inputs. */
export function typeOfInput(slot: number): TypeRule {
  return (node, shapes) => {
    const source = node.input[slot];
    return source === undefined ? DataType.FLOAT : shapes.elementType(source);
  };
}

export const castType: TypeRule = (node) => intAttribute(node, 'to', DataType.FLOAT);

/** The type of the constant that fills a tensor. */
export const typeOfValue: TypeRule = (node) => attribute(node, 'value')?.t?.dataType ?? DataType.FLOAT;

/** The type of the zero point. */
export const quantisedType: TypeRule = (node, shapes) =>
  node.input[2] ? shapes.elementType(node.input[2]) : DataType.UINT8;
