/** The Reshapes that keep features and their order apart from samples, in the forms that exporters write them. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute } from '../../proto/onnx-protos.js';
import { type FoundSizes, type Sizes, sameSpan } from '../../tensors/sizes.js';
import { numbersOf, slicesOf } from './operands.js';
import type { FeatureAxis, ShapeContext } from './operator.js';

/** A Reshape that leaves the features on one axis. */
export interface ReshapeForm {
  readonly rank: number;
  /** The place of the features in the target shape. */
  readonly axis: number;
  /** Number of features that the target says, undefined when it leaves it open. */
  readonly features: number | undefined;
  /** Whether the first axis is known to be the batch, before and after. */
  readonly perSample: boolean;
  /** Whether the features are known to lie on an axis as long as before, with as many values behind it. */
  readonly kept: boolean;
  /** The target shape with another number of features. */
  resized(features: number): number[];
}

/** Recognises the form, or returns undefined for a Reshape that splits or merges features. */
export function reshapeForm(
  context: ShapeContext,
  node: NodeProto,
  before: FeatureAxis,
): ReshapeForm | undefined {
  if (intAttribute(node, 'allowzero', 0) === 1) return undefined;
  const { shapes } = context;
  const target = shapes.integers(node.input[1] ?? '')?.values;
  const [input, output] = [shapes.sizes(node.input[0]!), shapes.sizes(node.output[0]!)];
  if (target === undefined) return undefined;
  const back = placeAfterReshape(before, input, output);
  const axis = back === undefined ? flattenedAxis(target, input) : target.length - 1 - back;
  if (axis === undefined) return undefined;
  const size = target[axis];
  const open = size === -1 || (size === 0 && input?.[axis] === before.count);
  const constant = withoutComputation(target, input, axis);
  if (!open && (typeof size !== 'number' || constant === undefined)) return undefined;
  const batch = target[0] === 0 || (output?.[0] !== undefined && output[0] === input?.[0]);
  return {
    rank: target.length,
    axis,
    features: open ? undefined : (size as number),
    perSample: batch && axis > 0,
    kept: back !== undefined,
    resized: (features) => constant!.with(axis, features),
  };
}

/** The only axis behind the first that is not 1, where positions and features may become one axis. */
function flattenedAxis(target: FoundSizes, input: Sizes | undefined): number | undefined {
  if (target.length < 2) return undefined;
  const wide = target.flatMap((size, axis) => (axis > 0 && size !== 1 ? [axis] : []));
  const axis = wide[0] ?? target.length - 1;
  const size = target[axis];
  if (wide.length > 1 || typeof size !== 'number' || size === 0) return undefined;
  // An open first axis takes up whatever is left, perhaps other axes than that of the samples.
  const first = target[0];
  const takesRest = (first === -1 || first === undefined) && size !== -1;
  return takesRest && input !== undefined && input.length < 4 && input.at(-1) !== size ? undefined : axis;
}

/** A constant that says the same as a target shape with computed parts; undefined where none does. */
function withoutComputation(
  target: FoundSizes,
  input: Sizes | undefined,
  axis: number,
): number[] | undefined {
  const constant = target.map((size, i) => {
    if (typeof size === 'number') return size;
    return size !== undefined && size === input?.[i] && i !== axis ? 0 : -1;
  });
  return constant.filter((size) => size === -1).length > 1 ? undefined : constant;
}

/**
 * Where a Flatten or Reshape leaves the features: on an axis as long as before, with as many values behind it. Undefined when it
 * splits or merges them, or may do so for all that is known.
 *
 * @returns the number of axes behind that of the features
 */
export function placeAfterReshape(
  { back, count, rank }: FeatureAxis,
  before: Sizes | undefined,
  after: Sizes | undefined,
): number | undefined {
  if (after === undefined || count === undefined) return undefined;
  const behind = back === 0 ? [] : before?.slice((rank ?? 0) - back);
  if (behind?.length !== back) return undefined;
  const place = after.findLastIndex(
    (size, axis) => size === count && sameSpan(after.slice(axis + 1), behind),
  );
  return place < 0 ? undefined : after.length - 1 - place;
}

/**
 * Whether a Shape node is read for nothing but the sizes of other axes than that of the features, which rewriting never changes.
 *
 * @param axis where the features of what it reads lie, undefined where that is not known: then they may lie on all axes but the first
 */
export function readsOtherSizes(context: ShapeContext, node: NodeProto, axis: number | undefined): boolean {
  if (node.opType !== 'Shape') return false;
  const sizes = context.shapes.sizes(node.input[0]!);
  const isOther = (place: number) => (axis === undefined ? place === 0 : place !== axis);
  const [start, end] = [intAttribute(node, 'start', 0), intAttribute(node, 'end', sizes?.length ?? -1)];
  if (start === 0 && end === 1) return true;
  if (sizes !== undefined) {
    const told = sizes.map((_, place) => place).slice(start, end);
    if (told.every(isOther)) return true;
    return (
      start === 0 && end === sizes.length && picksOthers(context, node.output[0]!, sizes.length, isOther)
    );
  }
  return start === 0 && picksOthers(context, node.output[0]!, undefined, isOther);
}

/** Whether all readers of a shape pick sizes of other axes. */
function picksOthers(
  context: ShapeContext,
  shape: string,
  rank: number | undefined,
  isOther: (place: number) => boolean,
): boolean {
  const { index } = context;
  if (index.isOutput(shape)) return false;
  return index.consumers(shape).every((reader) => {
    if (reader.input[0] !== shape || reader.input.lastIndexOf(shape) > 0) return false;
    if (reader.opType === 'Cast' || reader.opType === 'Identity') {
      return picksOthers(context, reader.output[0]!, rank, isOther);
    }
    return pickedFrom(reader, context, rank)?.every(isOther) === true;
  });
}

/** The places that a Gather or Slice takes from a list. */
function pickedFrom(node: NodeProto, context: ShapeContext, rank: number | undefined): number[] | undefined {
  const front = (place: number) => (place < 0 && rank !== undefined ? place + rank : place);
  if (node.opType === 'Gather') return numbersOf(node.input[1], context)?.map(front);
  if (node.opType !== 'Slice') return undefined;
  // Without the rank, only what is counted from the front is known.
  const [slice] = slicesOf(node, context, [rank ?? Number.MAX_SAFE_INTEGER]) ?? [];
  if (slice === undefined) return undefined;
  const { start, step, length } = slice;
  if (start === undefined || step === undefined || typeof length !== 'number' || length > 64)
    return undefined;
  return Array.from({ length }, (_, i) => start + step * i);
}
