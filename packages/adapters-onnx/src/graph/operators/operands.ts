/** Operands that say where an operator works: axes, bounds and parts, as attributes or as inputs whose values are known. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../../proto/onnx-protos.js';
import { type FoundSizes, FreeSize, quotient, type Size, type Sizes } from '../../tensors/sizes.js';
import type { ShapeContext } from './operator.js';

/** The numbers of a list or scalar, all of which are known. */
export function numbersOf(name: string | undefined, { shapes }: ShapeContext): number[] | undefined {
  const integers = name ? shapes.integers(name) : undefined;
  if (integers === undefined || integers.dims.length > 1) return undefined;
  const numbers = integers.values.filter((value) => typeof value === 'number');
  return numbers.length === integers.values.length ? numbers : undefined;
}

/** Counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The attribute `axis`, counted from the front. */
export function axisOf(node: NodeProto, rank: number, missing = 0): number {
  return fromFront(intAttribute(node, 'axis', missing), rank);
}

/** `axes` of Squeeze, Unsqueeze and the reductions: an attribute in older operator sets, an input in newer ones. */
export function axesOf(node: NodeProto, context: ShapeContext): number[] | undefined {
  return intsAttribute(node, 'axes') ?? numbersOf(node.input[1], context);
}

/** What a Slice takes of one axis; undefined for what is not known. */
export interface AxisSlice {
  readonly axis: number;
  readonly start: number | undefined;
  readonly step: number | undefined;
  readonly length: Size | undefined;
}

/** What a Slice takes of a tensor, or undefined where not even the axes are known. */
export function slicesOf(node: NodeProto, context: ShapeContext, sizes: Sizes): AxisSlice[] | undefined {
  const list = (attribute: string, slot: number) =>
    intsAttribute(node, attribute) ?? context.shapes.integers(node.input[slot] ?? '')?.values;
  const [starts, ends] = [list('starts', 1), list('ends', 2)];
  const given =
    intsAttribute(node, 'axes') ?? (node.input[3] ? numbersOf(node.input[3], context) : undefined);
  const axes = given ?? (node.input[3] ? undefined : starts?.map((_, i) => i));
  if (starts === undefined || ends === undefined || axes === undefined) return undefined;
  const steps = node.input[4] ? numbersOf(node.input[4], context) : axes.map(() => 1);
  return axes.map((from, i) => {
    const axis = fromFront(from, sizes.length);
    const step = steps?.[i] || undefined;
    return { axis, step, ...bounds(sizes[axis], starts[i], ends[i], step) };
  });
}

/** Beyond every size: how exporters write "to the end". */
const END = 2 ** 31 - 1;

function bounds(
  size: Size | undefined,
  from: Size | undefined,
  to: Size | undefined,
  step: number | undefined,
): Pick<AxisSlice, 'start' | 'length'> {
  if (step === undefined || typeof from !== 'number') return { start: undefined, length: undefined };
  if (size instanceof FreeSize || size === undefined) {
    const all = from === 0 && step === 1 && (to === size || (typeof to === 'number' && to >= END));
    return { start: from < 0 ? undefined : from, length: all ? size : undefined };
  }
  const clamp = (at: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, step > 0 ? 0 : -1), step > 0 ? size : size - 1);
  const start = clamp(from);
  if (typeof to !== 'number') return { start, length: undefined };
  return { start, length: Math.max(Math.ceil((clamp(to) - start) / step), 0) };
}

/** The sizes of a Split's parts along its axis. */
export function partSizes(node: NodeProto, context: ShapeContext, sizes: Sizes): FoundSizes | undefined {
  const given =
    intsAttribute(node, 'split') ??
    (node.input[1] ? context.shapes.integers(node.input[1])?.values : undefined);
  if (given !== undefined) return given;
  const whole = sizes[axisOf(node, sizes.length)];
  if (node.input[1] || whole === undefined) return undefined;
  const parts = node.output.length;
  if (typeof whole !== 'number') return node.output.map(() => quotient([whole], [parts]));
  // The last part is smaller where they cannot be alike.
  const length = Math.ceil(whole / parts);
  return node.output.map((_, i) => Math.max(Math.min(length, whole - i * length), 0));
}
