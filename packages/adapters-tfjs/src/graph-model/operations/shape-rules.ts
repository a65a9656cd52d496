/** Shapes of what operations make that compute place by place, reduce, or put values elsewhere. */
import { flag, integer, integers } from '../nodes/node-def.js';
import { fromFront, fullShape, range, type Shape, type ShapeRule } from './known-tensor.js';
import { stridedCuts } from './strided-slice.js';

export const sameAsFirst: ShapeRule = ({ input }, known) => [known.shape(input[0])];

/** What tensors become together; a length of 1 serves for all. Undefined where a rank is unknown. */
export function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  if (shapes.some((shape) => shape === undefined)) return undefined;
  const rank = Math.max(0, ...shapes.map((shape) => shape!.length));
  return range(0, rank).map((place) => {
    const sizes = shapes.map((shape) => {
      const at = place - rank + shape!.length;
      return at < 0 ? 1 : shape![at];
    });
    return (
      sizes.find((size) => size !== 1 && size !== undefined) ?? (sizes.every((s) => s === 1) ? 1 : undefined)
    );
  });
}

export const broadcasts: ShapeRule = ({ input }, known) => [
  broadcast(input.filter((name) => !name.startsWith('^')).map((name) => known.shape(name))),
];

/** @param slot the input that says along which axes */
export const reduced: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[0]);
  const axes = known.values(node.input[1]);
  if (shape === undefined || axes === undefined) return [];
  const gone = new Set(fromFront(axes, shape.length));
  if (flag(node, 'keep_dims')) return [shape.map((size, axis) => (gone.has(axis) ? 1 : size))];
  return [shape.filter((_, axis) => !gone.has(axis))];
};

export const squeezed: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[0]);
  if (shape === undefined) return [];
  const named = integers(node, 'squeeze_dims');
  const axes = named.length > 0 ? named : integers(node, 'axis');
  if (axes.length === 0 && shape.includes(undefined)) return [];
  const gone = new Set(fromFront(axes, shape.length));
  return [shape.filter((size, axis) => (axes.length === 0 ? size !== 1 : !gone.has(axis)))];
};

export const expanded: ShapeRule = ({ input }, known) => {
  const shape = known.shape(input[0]);
  const [axis] = known.values(input[1]) ?? [];
  if (shape === undefined || axis === undefined) return [];
  return [shape.toSpliced(axis < 0 ? axis + shape.length + 1 : axis, 0, 1)];
};

/** Where -1 is what the other lengths leave. */
export const reshaped: ShapeRule = ({ input }, known) => {
  const shape = fullShape(known.shape(input[0]));
  const target = known.values(input[1]);
  if (target === undefined) {
    const rank = known.shape(input[1])?.[0];
    return rank === undefined ? [] : [Array<undefined>(rank).fill(undefined)];
  }
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  const rest = shape && product(shape) / product(target.filter((size) => size !== -1));
  return [target.map((size) => (size === -1 ? rest : size))];
};

export const transposed: ShapeRule = ({ input }, known) => {
  const shape = known.shape(input[0]);
  const order = known.values(input[1]) ?? shape?.map((_, axis) => shape.length - 1 - axis);
  return shape && order ? [order.map((axis) => shape[axis])] : [];
};

export const concatenated: ShapeRule = ({ input }, known) => {
  const data = input.filter((name) => !name.startsWith('^'));
  const shapes = data.slice(0, -1).map((name) => known.shape(name));
  const [axis] = known.values(data.at(-1)) ?? [];
  if (axis === undefined || shapes.includes(undefined)) return [];
  const [first] = shapes as Shape[];
  const [along] = fromFront([axis], first!.length);
  const size = shapes.reduce<number | undefined>((sum, shape) => {
    const length = shape![along!];
    return sum === undefined || length === undefined ? undefined : sum + length;
  }, 0);
  return [
    first!.map((own, place) =>
      place === along ? size : (own ?? shapes.find((s) => s![place] !== undefined)?.[place]),
    ),
  ];
};

/** Equal parts; the axis comes first. */
export const split: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[1]);
  const [axis] = known.values(node.input[0]) ?? [];
  const parts = integer(node, 'num_split') ?? 1;
  if (shape === undefined || axis === undefined) return [];
  const [along] = fromFront([axis], shape.length) as [number];
  const size = shape[along];
  return Array.from({ length: parts }, () =>
    shape.with(along, size === undefined ? undefined : size / parts),
  );
};

/** Lengths of the parts of a SplitV, of which one may be -1: the rest. */
export function splitLengths(lengths: readonly number[], size: number | undefined): (number | undefined)[] {
  const known = lengths.reduce((sum, length) => sum + Math.max(0, length), 0);
  return lengths.map((length) => (length >= 0 ? length : size === undefined ? undefined : size - known));
}

export const splitAt: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[0]);
  const lengths = known.values(node.input[1]);
  const [axis] = known.values(node.input[2]) ?? [];
  if (shape === undefined || lengths === undefined || axis === undefined) return [];
  const [along] = fromFront([axis], shape.length) as [number];
  return splitLengths(lengths, shape[along]).map((length) => shape.with(along, length));
};

export const cut: ShapeRule = ({ input }, known) => {
  const shape = known.shape(input[0]);
  const [begin, size] = [known.values(input[1]), known.values(input[2])];
  if (shape === undefined || size === undefined) return [];
  return [
    size.map((length, axis) => {
      const [whole, start] = [shape[axis], begin?.[axis]];
      if (length !== -1) return length;
      return whole === undefined || start === undefined ? undefined : whole - start;
    }),
  ];
};

export const cutInSteps: ShapeRule = (node, known) => [stridedCuts(node, known)?.result];

export const stacked: ShapeRule = (node, known) => {
  const count = node.input.filter((name) => !name.startsWith('^')).length;
  const shape = broadcast(node.input.slice(0, count).map((name) => known.shape(name)));
  if (shape === undefined) return [];
  const axis = integer(node, 'axis') ?? 0;
  return [shape.toSpliced(axis < 0 ? axis + shape.length + 1 : axis, 0, count)];
};

export const unstacked: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[0]);
  if (shape === undefined) return [];
  const [axis] = fromFront([integer(node, 'axis') ?? 0], shape.length) as [number];
  return Array.from({ length: integer(node, 'num') ?? shape[axis] ?? 0 }, () => shape.toSpliced(axis, 1));
};

export const gathered: ShapeRule = (node, known) => {
  const [shape, picked] = [known.shape(node.input[0]), known.shape(node.input[1])];
  const [axis] = node.input[2] === undefined ? [0] : (known.values(node.input[2]) ?? []);
  if (shape === undefined || picked === undefined || axis === undefined) return [];
  if ((integer(node, 'batch_dims') ?? 0) !== 0) return [];
  const [along] = fromFront([axis], shape.length) as [number];
  return [shape.toSpliced(along, 1, ...picked)];
};

/** By places of several axes: the last axis of the second input. */
export const lookedUp: ShapeRule = ({ input }, known) => {
  const [shape, places] = [known.shape(input[0]), known.shape(input[1])];
  const depth = places?.at(-1);
  return shape && places && depth !== undefined ? [[...places.slice(0, -1), ...shape.slice(depth)]] : [];
};

/** Either way of a branch. */
export const switched: ShapeRule = ({ input }, known) => [known.shape(input[0]), known.shape(input[0])];

/** Free lengths have some size of their own: that of the first way. */
export const merged: ShapeRule = ({ input }, known) => [
  input.map((name) => known.shape(name)).find((shape) => shape !== undefined),
];

export const tiled: ShapeRule = ({ input }, known) => {
  const [shape, times] = [known.shape(input[0]), known.values(input[1])];
  return [shape?.map((size, axis) => (size === undefined || !times ? undefined : size * times[axis]!))];
};

export const padded: ShapeRule = ({ input }, known) => {
  const [shape, pads] = [known.shape(input[0]), known.values(input[1])];
  return [
    shape?.map((size, axis) =>
      size === undefined || !pads ? undefined : size + pads[2 * axis]! + pads[2 * axis + 1]!,
    ),
  ];
};

/** An operand that says the shape. */
export function says(slot: number): ShapeRule {
  return ({ input }, known) => {
    const rank = known.shape(input[slot])?.[0];
    return [
      known.values(input[slot]) ?? (rank === undefined ? undefined : Array<undefined>(rank).fill(undefined)),
    ];
  };
}

export const scalar: ShapeRule = () => [[]];

export const shapeOfFirst: ShapeRule = ({ input }, known) => {
  const shape = known.shape(input[0]);
  return shape ? [[shape.length]] : [];
};

export const counted: ShapeRule = ({ input }, known) => {
  const [start, limit, delta] = input.map((name) => known.values(name)?.[0]);
  if (start === undefined || limit === undefined || delta === undefined) return [[undefined]];
  return [[Math.max(0, Math.ceil((limit - start) / delta))]];
};
