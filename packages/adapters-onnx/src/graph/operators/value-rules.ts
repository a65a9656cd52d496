/** Values of small tensors of integers and booleans: what exporters compute shapes, axes and bounds with. */
import type { NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute } from '../../proto/onnx-protos.js';
import { integerValues, isIntegerType } from '../../proto/tensor-values.js';
import { type Arithmetic, type Element, modulo, remainder } from '../../tensors/integer-arithmetic.js';
import { FreeSize, type Integers, quotient } from '../../tensors/sizes.js';
import { axisOf, partSizes, slicesOf } from './operands.js';
import type { ShapeContext, ValueRule } from './operator.js';

function operand(node: NodeProto, { shapes }: ShapeContext, slot = 0): Integers | undefined {
  return shapes.integers(node.input[slot] ?? '');
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** The places of a tensor in the order of its values. */
function* placesOf(dims: readonly number[]): Generator<readonly number[]> {
  for (let i = 0; i < sizeOf(dims); i++) {
    let rest = i;
    yield dims.map((dim, axis) => {
      const span = sizeOf(dims.slice(axis + 1));
      const at = Math.floor(rest / span) % dim;
      rest %= span;
      return at;
    });
  }
}

function valueAt({ dims, values }: Integers, place: readonly number[]): Element {
  return values[dims.reduce((index, dim, axis) => index * dim + place[axis]!, 0)];
}

/** The value in a place of what a tensor is stretched to. */
function stretchedValue(tensor: Integers, place: readonly number[]): Element {
  const ahead = place.length - tensor.dims.length;
  return valueAt(
    tensor,
    tensor.dims.map((dim, axis) => (dim === 1 ? 0 : place[axis + ahead]!)),
  );
}

function picks(dims: readonly number[], value: (place: readonly number[]) => Element): Element[] {
  return Array.from(placesOf(dims), value);
}

/** The values of the first input, in their order. */
export const passes: ValueRule = (node, context) => operand(node, context)?.values;

export const casts: ValueRule = (node, context, { toBoolean }) =>
  operand(node, context)?.values.map((value) => (toBoolean ? truth(value) : value));

function truth(value: Element): Element {
  return typeof value === 'number' ? Number(value !== 0) : undefined;
}

export const shapeOf: ValueRule = (node, { shapes }) => {
  const sizes = shapes.sizes(node.input[0] ?? '');
  return sizes?.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', sizes.length));
};

export const countOf: ValueRule = (node, { shapes }) => {
  const sizes = shapes.sizes(node.input[0] ?? '');
  return sizes && [quotient(sizes)];
};

/** Values in the same places, from the left to the right. */
export function combines(arithmetic: Arithmetic): ValueRule {
  return (node, context, { dims }) => {
    const [first, ...others] = node.input.map((_, slot) => operand(node, context, slot));
    return picks(dims, (place) =>
      others.reduce(
        (value, other) => arithmetic(value, other && stretchedValue(other, place)),
        first && stretchedValue(first, place),
      ),
    );
  };
}

export const remains: ValueRule = (node, context, target) =>
  combines(intAttribute(node, 'fmod', 0) === 1 ? remainder : modulo)(node, context, target);

/** Each value on its own. */
export function maps(of: (value: number) => number, free?: (size: FreeSize) => Element): ValueRule {
  return (node, context) =>
    operand(node, context)?.values.map((value) =>
      typeof value === 'number' ? of(value) : value instanceof FreeSize ? free?.(value) : undefined,
    );
}

export const chooses: ValueRule = (node, context, { dims }) => {
  const [condition, yes, no] = [0, 1, 2].map((slot) => operand(node, context, slot));
  return picks(dims, (place) => {
    const [when, left, right] = [condition, yes, no].map((tensor) => tensor && stretchedValue(tensor, place));
    if (when === undefined) return left === right ? left : undefined;
    return when === 0 ? right : left;
  });
};

export const concatenates: ValueRule = (node, context, { dims }) => {
  const axis = axisOf(node, dims.length);
  const parts = node.input.map((_, slot) => operand(node, context, slot));
  if (parts.some((part) => part?.dims.length !== dims.length)) return undefined;
  return picks(dims, (place) => {
    const inner = [...place];
    const part = parts.find((candidate) => {
      const length = candidate!.dims[axis]!;
      if (inner[axis]! < length) return true;
      inner[axis]! -= length;
      return false;
    });
    return part && valueAt(part, inner);
  });
};

export const gathers: ValueRule = (node, context, { dims }) => {
  const [data, indices] = [operand(node, context), operand(node, context, 1)];
  if (data === undefined || indices === undefined) return undefined;
  const axis = axisOf(node, data.dims.length);
  return picks(dims, (place) => {
    const index = valueAt(indices, place.slice(axis, axis + indices.dims.length));
    if (typeof index !== 'number') return undefined;
    const at = index < 0 ? index + data.dims[axis]! : index;
    return valueAt(data, [...place.slice(0, axis), at, ...place.slice(axis + indices.dims.length)]);
  });
};

export const slices: ValueRule = (node, context, { dims }) => {
  const data = operand(node, context);
  const bounds = data && slicesOf(node, context, data.dims);
  if (data === undefined || bounds === undefined) return undefined;
  return picks(dims, (place) => {
    const from = [...place];
    for (const { axis, start, step } of bounds) {
      if (start === undefined || step === undefined) return undefined;
      from[axis] = start + step * place[axis]!;
    }
    return valueAt(data, from);
  });
};

export const splits: ValueRule = (node, context, { dims, slot }) => {
  const data = operand(node, context);
  const parts = data && partSizes(node, context, data.dims);
  if (data === undefined || parts === undefined) return undefined;
  const axis = axisOf(node, dims.length);
  const before = quotientFree(parts.slice(0, slot));
  if (before === undefined) return undefined;
  return picks(dims, (place) =>
    valueAt(
      data,
      place.map((at, i) => (i === axis ? at + before : at)),
    ),
  );
};

function quotientFree(parts: readonly Element[]): number | undefined {
  return parts.reduce<number | undefined>(
    (sum, part) => (sum === undefined || typeof part !== 'number' ? undefined : sum + part),
    0,
  );
}

export const transposes: ValueRule = (node, context, { dims }) => {
  const data = operand(node, context);
  const perm = intsAttribute(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  return (
    data &&
    picks(dims, (place) =>
      valueAt(
        data,
        data.dims.map((_, axis) => place[perm.indexOf(axis)]!),
      ),
    )
  );
};

export const stretches: ValueRule = (node, context, { dims }) => {
  const data = operand(node, context);
  return data && picks(dims, (place) => stretchedValue(data, place));
};

export const tiles: ValueRule = (node, context, { dims }) => {
  const data = operand(node, context);
  return (
    data &&
    picks(dims, (place) =>
      valueAt(
        data,
        place.map((at, axis) => at % data.dims[axis]!),
      ),
    )
  );
};

/** The same value everywhere; the value itself is a float32 0 where none is given. */
export const fills: ValueRule = (node, _, { dims }) => {
  const tensor = attribute(node, 'value')?.t;
  const value = tensor && isIntegerType(tensor.dataType) ? integerValues(tensor)[0] : undefined;
  return new Array<Element>(sizeOf(dims)).fill(value);
};

export const ranges: ValueRule = (node, context, { dims }) => {
  const start = operand(node, context)?.values[0];
  const step = operand(node, context, 2)?.values[0];
  if (typeof start !== 'number' || typeof step !== 'number') return undefined;
  return picks(dims, ([at]) => start + step * at!);
};

/** All values of a list, to one. */
export function reduces(arithmetic: Arithmetic): ValueRule {
  return (node, context, { dims }) => {
    const data = operand(node, context);
    if (data === undefined || data.dims.length > 1 || data.values.length === 0) return undefined;
    return sizeOf(dims) === 1 ? [data.values.reduce(arithmetic)] : undefined;
  };
}
