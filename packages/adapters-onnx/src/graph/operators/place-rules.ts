/** Where operators leave the features of what they read. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../../proto/onnx-protos.js';
import { axesOf, fromFront } from './operands.js';
import type { FeatureAxis, PlaceRule, ShapeContext } from './operator.js';
import { placeAfterReshape, reshapeForm } from './reshape-forms.js';

/** The place of the features, counted from the front. */
function frontPlace({ back, rank }: FeatureAxis): number | undefined {
  return rank === undefined ? undefined : rank - 1 - back;
}

export const keepsPlace: PlaceRule = (node, _, before, { shapes }) => ({
  ...before,
  rank: shapes.rank(node.output[0]!) ?? before.rank,
});

export const poolsChannels: PlaceRule = (_, input, before, { axes }) =>
  axes.areChannels(input) ? before : undefined;

export const squeezes: PlaceRule = (node, _, before, context) => {
  const { back, rank } = before;
  const axes = axesOf(node, context);
  if (axes === undefined || rank === undefined) return undefined;
  const place = frontPlace(before)!;
  const gone = new Set(axes.map((axis) => fromFront(axis, rank)));
  if (gone.has(place)) return undefined;
  const behind = [...gone].filter((axis) => axis > place).length;
  return { ...before, back: back - behind, rank: rank - gone.size };
};

export const unsqueezes: PlaceRule = (node, _, before, context) => {
  const { rank } = before;
  const axes = axesOf(node, context);
  if (axes === undefined || rank === undefined) return undefined;
  const wide = rank + axes.length;
  const added = new Set(axes.map((axis) => fromFront(axis, wide)));
  const old = Array.from({ length: wide }, (_, axis) => axis).filter((axis) => !added.has(axis));
  return { ...before, back: wide - 1 - old[frontPlace(before)!]!, rank: wide };
};

export const transposes: PlaceRule = (node, _, before) => {
  const { back, rank } = before;
  const reversed =
    rank === undefined ? undefined : Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const perm = intsAttribute(node, 'perm') ?? reversed;
  if (perm === undefined || (rank !== undefined && rank !== perm.length)) return undefined;
  const now = perm.indexOf(perm.length - 1 - back);
  if (now < 0 || (!before.made && now !== perm.length - 1)) return undefined;
  return { ...before, back: perm.length - 1 - now, rank: perm.length };
};

/** A reduction over other axes than that of the features and that of the samples. */
export const reducesOthers: PlaceRule = (node, _, before, context) => {
  const kept = keptAxes(node, before.rank, context);
  const place = frontPlace(before);
  if (kept === undefined || !kept.has(place!) || !kept.has(0)) return undefined;
  if (intAttribute(node, 'keepdims', 1) === 1) return before;
  const behind = [...kept].filter((axis) => axis > place!).length;
  return { ...before, back: behind, rank: kept.size };
};

/** The axes over which a reduction does not run; undefined where it may be all of them. */
export function keptAxes(
  node: NodeProto,
  rank: number | undefined,
  context: ShapeContext,
): ReadonlySet<number> | undefined {
  const axes = axesOf(node, context);
  if (rank === undefined || axes === undefined || axes.length === 0) return undefined;
  const kept = new Set(Array.from({ length: rank }, (_, axis) => axis));
  for (const axis of axes) kept.delete(fromFront(axis, rank));
  return kept;
}

export const flattens: PlaceRule = (node, input, before, { shapes }) => {
  const back = placeAfterReshape(before, shapes.sizes(input), shapes.sizes(node.output[0]!));
  if (back !== undefined) return { ...before, back, rank: shapes.rank(node.output[0]!) };
  return intAttribute(node, 'axis', 1) === 1
    ? { ...before, back: 0, count: countOfRows(before), rank: 2 }
    : undefined;
};

export const reshapes: PlaceRule = (node, _, before, context) => {
  const form = reshapeForm(context, node, before);
  if (form === undefined) return undefined;
  const { rank, axis, kept, features } = form;
  const count = kept ? before.count : (features ?? countOfRows(before));
  return { ...before, back: rank - 1 - axis, count, rank };
};

/** Behind a flattening each feature may have several columns; whether it does is seen from their number. */
function countOfRows({ back, count, rank }: FeatureAxis): number | undefined {
  return back === 0 && rank === 2 ? count : undefined;
}

/** The filters of a convolution, which are channels. */
export function makesChannels(node: NodeProto, { shapes }: ShapeContext): FeatureAxis | undefined {
  const filters = shapes.shape(node.input[1]!);
  const rank = shapes.rank(node.output[0]!) ?? filters?.length;
  if (rank === undefined || rank < 2) return undefined;
  return { back: rank - 2, count: filters?.[0], rank, made: true };
}
