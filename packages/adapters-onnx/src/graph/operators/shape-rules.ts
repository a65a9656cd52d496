/** Shapes that operators make of the shapes that they read. What stays unknown is undefined. */
import { TensorProto_DataType as DataType, type NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute } from '../../proto/onnx-protos.js';
import { floatValues, isFloatType, LARGEST_RANK, sizeOf } from '../../proto/tensor-values.js';
import { type FoundSizes, quotient, type Size, type Sizes, stretched } from '../../tensors/sizes.js';
import { axesOf, axisOf, fromFront, numbersOf, partSizes, slicesOf } from './operands.js';
import type { ShapeContext, ShapeRule, TypeRule } from './operator.js';

function sizesOf(node: NodeProto, { shapes }: ShapeContext, slot = 0): Sizes | undefined {
  return shapes.sizes(node.input[slot] ?? '');
}

/** A list of sizes that a node reads: where only its length is known, sizes that are not. */
function listed(node: NodeProto, { shapes }: ShapeContext, slot = 1): FoundSizes | undefined {
  const name = node.input[slot] ?? '';
  const known = shapes.integers(name);
  if (known !== undefined) return known.dims.length === 1 ? known.values : undefined;
  const rank = shapes.sizes(name)?.[0];
  return typeof rank === 'number' && rank <= LARGEST_RANK
    ? new Array<undefined>(rank).fill(undefined)
    : undefined;
}

function product(left: Size | undefined, right: Size | undefined): Size | undefined {
  return left === undefined || right === undefined ? undefined : quotient([left, right]);
}

/** `size + by`. */
function longer(size: Size | undefined, by: number | undefined): Size | undefined {
  if (by === 0) return size;
  return typeof size === 'number' && by !== undefined ? size + by : undefined;
}

/** The shape of one of the inputs. */
export function sameAs(slot: number): ShapeRule {
  return (node, context) => sizesOf(node, context, slot);
}

/** The shape of the first input. */
export const same: ShapeRule = sameAs(0);

function stretchedShapes(all: readonly (FoundSizes | undefined)[]): FoundSizes | undefined {
  const known = all.filter((shape) => shape !== undefined);
  if (known.length < all.length) return undefined;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    stretched(
      known.map((shape) => {
        const own = axis - rank + shape.length;
        return own < 0 ? 1 : shape[own];
      }),
    ),
  );
}

/** All inputs, stretched to one shape. */
export const broadcast: ShapeRule = (node, { shapes }) =>
  stretchedShapes(node.input.map((name) => shapes.sizes(name)));

/** How a window moves along the positions behind samples and channels. */
interface Window {
  readonly kernel: readonly (Size | undefined)[];
  readonly ceil?: boolean;
}

function moved(node: NodeProto, positions: Sizes, { kernel, ceil }: Window): FoundSizes {
  const list = (name: string, missing: number) =>
    intsAttribute(node, name) ?? new Array<number>(2 * positions.length).fill(missing);
  const [strides, dilations, pads] = [list('strides', 1), list('dilations', 1), list('pads', 0)];
  const mode = new TextDecoder().decode(attribute(node, 'auto_pad')?.s);
  return positions.map((size, axis) => {
    const [width, stride] = [kernel[axis], strides[axis]];
    if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
      if (stride === 1) return size;
      return typeof size === 'number' && stride ? Math.ceil(size / stride) : undefined;
    }
    if (typeof width !== 'number' || !stride) return undefined;
    const padded = mode === 'VALID' ? 0 : pads[axis]! + pads[axis + positions.length]!;
    const shrinks = dilations[axis]! * (width - 1) - padded;
    if (typeof size !== 'number') return stride === 1 && shrinks === 0 ? size : undefined;
    const steps = size - shrinks - 1;
    // Whether a window at the end counts that hangs over depends on the operator set.
    if (ceil && steps % stride !== 0) return undefined;
    return Math.floor(steps / stride) + 1;
  });
}

/** Samples and channels stay. */
export const pooled: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  if (input === undefined) return undefined;
  if (node.opType.startsWith('Global')) return input.map((size, axis) => (axis < 2 ? size : 1));
  const window = {
    kernel: intsAttribute(node, 'kernel_shape') ?? [],
    ceil: intAttribute(node, 'ceil_mode', 0) === 1,
  };
  return [...input.slice(0, 2), ...moved(node, input.slice(2), window)];
};

/** @param filters the slot of the filters */
export function convolved(filters: number): ShapeRule {
  return (node, context) => {
    const input = sizesOf(node, context);
    const kernel = sizesOf(node, context, filters);
    const rank = input?.length ?? kernel?.length;
    if (rank === undefined || rank < 2) return undefined;
    const positions = input && kernel ? moved(node, input.slice(2), { kernel: kernel.slice(2) }) : [];
    return Array.from({ length: rank }, (_, axis) =>
      axis === 0 ? input?.[0] : axis === 1 ? kernel?.[0] : positions[axis - 2],
    );
  };
}

export const convolvedBack: ShapeRule = (node, context) => {
  const [input, kernel] = [sizesOf(node, context), sizesOf(node, context, 1)];
  if (input === undefined || kernel === undefined) return undefined;
  const plain = attribute(node, 'output_shape') === undefined && attribute(node, 'auto_pad') === undefined;
  const count = input.length - 2;
  const list = (name: string, missing: number) =>
    intsAttribute(node, name) ?? new Array<number>(2 * count).fill(missing);
  const [strides, dilations, pads] = [list('strides', 1), list('dilations', 1), list('pads', 0)];
  const extra = list('output_padding', 0);
  const positions = input.slice(2).map((size, axis) => {
    const width = kernel[axis + 2];
    if (!plain || typeof size !== 'number' || typeof width !== 'number') return undefined;
    const reach = dilations[axis]! * (width - 1) + 1;
    return strides[axis]! * (size - 1) + reach + extra[axis]! - pads[axis]! - pads[axis + count]!;
  });
  return [input[0], product(kernel[1], intAttribute(node, 'group', 1)), ...positions];
};

export const gemm: ShapeRule = (node, context) => [
  sizesOf(node, context)?.[intAttribute(node, 'transA', 0)],
  sizesOf(node, context, 1)?.[1 - intAttribute(node, 'transB', 0)],
];

/** The last two axes are those of matrices; a list of one axis is a row on the left, and a column on the right. */
export function matMul(leftSlot = 0, rightSlot = 1): ShapeRule {
  return (node, context) => {
    const [left, right] = [sizesOf(node, context, leftSlot), sizesOf(node, context, rightSlot)];
    if (left === undefined || right === undefined || left.length < 1 || right.length < 1) return undefined;
    const swapped = (name: string) => intAttribute(node, name, 0) === 1;
    if (swapped('transBatchA') || swapped('transBatchB')) return undefined;
    const stacks = stretchedShapes([left.slice(0, -2), right.slice(0, -2)])!;
    const rows = left.length > 1 ? [left.at(swapped('transA') ? -1 : -2)] : [];
    const columns = right.length > 1 ? [right.at(swapped('transB') ? -2 : -1)] : [];
    return [...stacks, ...rows, ...columns];
  };
}

/** As many columns as an attribute says. */
export function widthOf(name: string): ShapeRule {
  return (node, context) => {
    const input = sizesOf(node, context);
    return input && [...input.slice(0, -1), attribute(node, name) ? intAttribute(node, name, 0) : undefined];
  };
}

/** onnxruntime's attention, which makes queries, keys and values of one product. */
export const attended: ShapeRule = (node, context) => {
  const [input, weights] = [sizesOf(node, context), sizesOf(node, context, 1)];
  const all = weights?.at(-1);
  const values = intsAttribute(node, 'qkv_hidden_sizes')?.[2];
  return input && [...input.slice(0, -1), values ?? (all === undefined ? undefined : quotient([all], [3]))];
};

/** The same of queries, keys and values that others make. */
export const attendedApart: ShapeRule = (node, context) => {
  const [queries, values] = [sizesOf(node, context), sizesOf(node, context, 2)];
  return queries?.length === 3 && values?.length === 3 ? [...queries.slice(0, 2), values[2]] : undefined;
};

/** ONNX's own attention: heads on an axis of their own, or merged. */
export const attendedToHeads: ShapeRule = (node, context) => {
  const [queries, values] = [sizesOf(node, context), sizesOf(node, context, 2)];
  if (queries === undefined || values === undefined) return undefined;
  if (queries.length === 4) return [...queries.slice(0, 3), values[3]];
  const [heads, kept] = [intAttribute(node, 'q_num_heads', 0), intAttribute(node, 'kv_num_heads', 0)];
  return [queries[0], queries[1], quotient([values[2]!, heads], [kept])];
};

/** A vector for every index. */
export const embedded: ShapeRule = (node, context) => {
  const indices = sizesOf(node, context);
  return indices && [...indices, sizesOf(node, context, 2)?.at(-1)];
};

export const flattened: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const axis = axisOf(node, input?.length ?? 0, 1);
  return [input && quotient(input.slice(0, axis)), input && quotient(input.slice(axis))];
};

export const transposed: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const perm = intsAttribute(node, 'perm') ?? input?.map((_, axis) => input.length - 1 - axis);
  return perm?.map((axis) => input?.[axis]);
};

export const reshaped: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const copies = intAttribute(node, 'allowzero', 0) === 0;
  const target = listed(node, context)?.map((size, axis) =>
    copies && size === 0 ? input?.[axis] : size === -1 ? undefined : size,
  );
  const open = target?.indexOf(undefined) ?? -1;
  if (target === undefined || open < 0 || input === undefined) return target;
  const others = target.filter((size) => size !== undefined);
  // All sizes but one are known, which is what the others leave of the values.
  return others.length === target.length - 1 ? target.with(open, quotient(input, others)) : target;
};

export const squeezed: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const all = !node.input[1] && intsAttribute(node, 'axes') === undefined;
  if (input !== undefined && all) {
    return input.every((size) => typeof size === 'number') ? input.filter((size) => size !== 1) : undefined;
  }
  const axes = axesOf(node, context);
  if (input === undefined || axes === undefined) return undefined;
  const gone = new Set(axes.map((axis) => fromFront(axis, input.length)));
  return input.filter((_, axis) => !gone.has(axis));
};

export const unsqueezed: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const axes = axesOf(node, context);
  if (input === undefined || axes === undefined) return undefined;
  const rank = input.length + axes.length;
  const added = new Set(axes.map((axis) => fromFront(axis, rank)));
  const rest = [...input];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()));
};

export const shapeOf: ShapeRule = (node, context) => {
  const sizes = sizesOf(node, context);
  return [sizes?.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', sizes.length)).length];
};

/** One value. */
export const scalar: ShapeRule = () => [];

export const concatenated: ShapeRule = (node, { shapes }) => {
  const parts = node.input.map((name) => shapes.sizes(name));
  const first = parts[0];
  if (first === undefined || parts.some((part) => part?.length !== first.length)) return undefined;
  const along = axisOf(node, first.length);
  return first.map((_, axis) => {
    const sizes = parts.map((part) => part![axis]!);
    if (axis !== along) return sizes.find((size) => typeof size === 'number') ?? sizes[0];
    if (sizes.length === 1) return sizes[0];
    return sizes.reduce<number | undefined>(
      (sum, size) => (sum === undefined || typeof size !== 'number' ? undefined : sum + size),
      0,
    );
  });
};

/** The lengths of slices between bounds that are not known are left open. */
export const sliced: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  if (input === undefined) return undefined;
  const slices = slicesOf(node, context, input);
  if (slices === undefined) return input.map(() => undefined);
  const result: (Size | undefined)[] = [...input];
  for (const { axis, length } of slices) if (axis < result.length) result[axis] = length;
  return result;
};

/** Every part has the rank of the whole. */
export const split: ShapeRule = (node, context, slot) => {
  const input = sizesOf(node, context);
  const parts = input && partSizes(node, context, input);
  return input?.map((size, axis) => (axis === axisOf(node, input.length) ? parts?.[slot] : size));
};

/** Positions along one axis: those of the indices stand in its place. */
export const gathered: ShapeRule = (node, context) => {
  const [data, indices] = [sizesOf(node, context), sizesOf(node, context, 1)];
  if (data === undefined || indices === undefined) return undefined;
  const axis = axisOf(node, data.length);
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
};

/** The last axis of the indices holds a place in the axes of the data from the first ones on. */
export const gatheredAtPlaces: ShapeRule = (node, context) => {
  const [data, indices] = [sizesOf(node, context), sizesOf(node, context, 1)];
  const depth = indices?.at(-1);
  if (data === undefined || indices === undefined || typeof depth !== 'number') return undefined;
  return [...indices.slice(0, -1), ...data.slice(intAttribute(node, 'batch_dims', 0) + depth)];
};

export const reduced: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const kept = intAttribute(node, 'keepdims', 1) === 1;
  const given = axesOf(node, context);
  if (input === undefined || (node.input[1] && given === undefined)) return undefined;
  if (!given?.length && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return input;
  const axes = given?.length ? given : input.map((_, axis) => axis);
  return without(input, axes, kept);
};

/** Places along one axis. */
export const reducedAlong: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  return input && without(input, [intAttribute(node, 'axis', 0)], intAttribute(node, 'keepdims', 1) === 1);
};

function without(sizes: Sizes, axes: readonly number[], kept: boolean): Sizes {
  const gone = new Set(axes.map((axis) => fromFront(axis, sizes.length)));
  return kept
    ? sizes.map((size, axis) => (gone.has(axis) ? 1 : size))
    : sizes.filter((_, axis) => !gone.has(axis));
}

/** Stretched to a shape that it reads. */
export const expanded: ShapeRule = (node, context) =>
  stretchedShapes([sizesOf(node, context), listed(node, context)]);

export const tiled: ShapeRule = (node, context) => {
  const repeats = listed(node, context);
  return sizesOf(node, context)?.map((size, axis) => product(size, repeats?.[axis]));
};

/** The shape that it reads. */
export const asListed: ShapeRule = (node, context) => listed(node, context, 0);

export const ranged: ShapeRule = (node, { shapes }) => {
  const [start, limit, step] = node.input.map((name) => shapes.integers(name)?.values[0]);
  if (start === 0 && step === 1) return [limit];
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof step !== 'number') return [undefined];
  return [Math.max(Math.ceil((limit - start) / step), 0)];
};

export const padded: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const pads = intsAttribute(node, 'pads') ?? context.shapes.integers(node.input[1] ?? '')?.values;
  const axes = node.input[3] ? numbersOf(node.input[3], context) : input?.map((_, axis) => axis);
  if (input === undefined) return undefined;
  const places = axes?.map((axis) => fromFront(axis, input.length));
  return input.map((size, axis) => {
    const i = places?.indexOf(axis) ?? -1;
    if (places === undefined || pads === undefined) return undefined;
    const [before, after] = i < 0 ? [0, 0] : [pads[i], pads[i + places.length]];
    return typeof before === 'number' && typeof after === 'number' ? longer(size, before + after) : undefined;
  });
};

/** The highest of each row: both outputs alike. */
export const picked: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const [count] =
    (attribute(node, 'k') ? [intAttribute(node, 'k', 0)] : numbersOf(node.input[1], context)) ?? [];
  return input?.map((size, axis) => (axis === axisOf(node, input.length, -1) ? count : size));
};

/** An axis more, as long as there are classes. */
export const oneHot: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const [depth] = context.shapes.integers(node.input[1] ?? '')?.values ?? [];
  const sizes: FoundSizes | undefined = input;
  return sizes?.toSpliced(axisOf(node, sizes.length + 1, -1), 0, depth);
};

/** Blocks of positions become channels, or the other way. */
export const blocks: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const size = intAttribute(node, 'blocksize', 1);
  if (input?.length !== 4) return undefined;
  const [samples, channels, height, width] = input as [Size, Size, Size, Size];
  return node.opType === 'SpaceToDepth'
    ? [samples, quotient([channels, size, size]), quotient([height], [size]), quotient([width], [size])]
    : [samples, quotient([channels], [size, size]), quotient([height, size]), quotient([width, size])];
};

/** Sizes that it reads, or multiples of those of the input where they are whole. */
export const resized: ShapeRule = (node, context) => {
  const input = sizesOf(node, context);
  const plain = !['axes', 'keep_aspect_ratio_policy'].some((name) => attribute(node, name) !== undefined);
  if (input === undefined || !plain) return undefined;
  if (node.input[3]) return listed(node, context, 3);
  const scales = context.index.constant(node.input[node.input.length > 2 ? 2 : 1] ?? '');
  const crops = new TextDecoder()
    .decode(attribute(node, 'coordinate_transformation_mode')?.s)
    .includes('crop');
  if (scales === undefined || crops || !isFloatType(scales.dataType) || sizeOf(scales) > LARGEST_RANK) {
    return input.map(() => undefined);
  }
  const factors = floatValues(scales);
  return input.map((size, axis) => {
    const factor = factors[axis];
    if (factor === 1) return size;
    const length = typeof size === 'number' && factor !== undefined ? size * factor : undefined;
    return Number.isInteger(length) ? length : undefined;
  });
};

/** `bij,bjk->bik`, without dots. */
export const contracted: ShapeRule = (node, context) => {
  const equation = new TextDecoder().decode(attribute(node, 'equation')?.s).replaceAll(' ', '');
  const [operands, result] = equation.split('->');
  if (result === undefined || equation.includes('.')) return undefined;
  const sizes = new Map<string, Size>();
  for (const [slot, letters] of operands!.split(',').entries()) {
    for (const [axis, size] of sizesOf(node, context, slot)?.entries() ?? []) {
      if (typeof size === 'number' || !sizes.has(letters[axis] ?? '')) sizes.set(letters[axis] ?? '', size);
    }
  }
  return [...result].map((letter) => sizes.get(letter));
};

/** As many places as there are values other than 0. */
export const nonZero: ShapeRule = (node, context) => [sizesOf(node, context)?.length, undefined];

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

/** The type that the attribute `dtype` says, or that of the first input. */
export const declaredType: TypeRule = (node, shapes) =>
  intAttribute(node, 'dtype', shapes.elementType(node.input[0]!));

export const castType: TypeRule = (node) => intAttribute(node, 'to', DataType.FLOAT);

/** The type of the constant that fills a tensor. */
export const typeOfValue: TypeRule = (node) => attribute(node, 'value')?.t?.dataType ?? DataType.FLOAT;

/** The type of the zero point. */
export const quantisedType: TypeRule = (node, shapes) =>
  node.input[2] ? shapes.elementType(node.input[2]) : DataType.UINT8;
