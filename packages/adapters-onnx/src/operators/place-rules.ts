/** Where operators leave the features of what they read. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../onnx-protos.js';
import { reshapeForm } from '../reshape-forms.js';
import type { FeatureAxis, PlaceRule, ShapeContext, ShapeFacts } from './operator.js';

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

export const squeezes: PlaceRule = (node, _, before, { index }) => {
  const { back, rank } = before;
  const axes = index.axes(node);
  if (axes === undefined || rank === undefined) return undefined;
  const place = frontPlace(before)!;
  const gone = new Set(axes.map((axis) => (axis + rank) % rank));
  if (gone.has(place)) return undefined;
  const behind = [...gone].filter((axis) => axis > place).length;
  return { ...before, back: back - behind, rank: rank - gone.size };
};

export const unsqueezes: PlaceRule = (node, _, before, { index }) => {
  const { rank } = before;
  const axes = index.axes(node);
  if (axes === undefined || rank === undefined) return undefined;
  const wide = rank + axes.length;
  const added = new Set(axes.map((axis) => (axis + wide) % wide));
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
  { index }: ShapeContext,
): ReadonlySet<number> | undefined {
  const axes = index.axes(node);
  if (rank === undefined || axes === undefined || axes.length === 0) return undefined;
  const kept = new Set(Array.from({ length: rank }, (_, axis) => axis));
  for (const axis of axes) kept.delete((axis + rank) % rank);
  return kept;
}

export const flattens: PlaceRule = (node, input, before, { shapes }) => {
  const back = placeAfterReshape(before, input, node.output[0]!, shapes);
  if (back !== undefined) return { ...before, back, rank: shapes.rank(node.output[0]!) };
  return intAttribute(node, 'axis', 1) === 1
    ? { ...before, back: 0, count: countOfRows(before), rank: 2 }
    : undefined;
};

export const reshapes: PlaceRule = (node, input, before, { index, shapes }) => {
  const form = reshapeForm(index, shapes, node);
  if (form === undefined) return undefined;
  const back = placeAfterReshape(before, input, node.output[0]!, shapes);
  if (back !== undefined) return { ...before, back, rank: shapes.rank(node.output[0]!) };
  const count = form.features ?? countOfRows(before);
  return { ...before, back: form.rank - 1 - form.axis, count, rank: form.rank };
};

/** Behind a flattening each feature may have several columns; whether it does is seen from their number. */
function countOfRows({ back, count, rank }: FeatureAxis): number | undefined {
  return back === 0 && rank === 2 ? count : undefined;
}

/**
 * Where a Flatten or Reshape leaves the features: on an axis as long as before, with as many values behind it. Undefined when it
 * splits or merges them, or may do so for all that is known.
 */
export function placeAfterReshape(
  { back, count, rank }: FeatureAxis,
  input: string,
  output: string,
  shapes: ShapeFacts,
): number | undefined {
  const after = shapes.shape(output);
  const behind = shapes.shape(input)?.slice((rank ?? 0) - back) ?? [];
  const span = back === 0 ? 1 : product(behind);
  if (after === undefined || count === undefined || span === undefined) return undefined;
  if (back > 0 && behind.length !== back) return undefined;
  let size = 1;
  for (let place = after.length - 1; place >= 0; place--) {
    const dim = after[place];
    if (size === span && dim === count) return after.length - 1 - place;
    if (dim === undefined) return undefined;
    size *= dim;
  }
  return undefined;
}

function product(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce<number | undefined>(
    (result, size) => (result === undefined || size === undefined ? undefined : result * size),
    1,
  );
}

/** The filters of a convolution, which are channels. */
export function makesChannels(node: NodeProto, { shapes }: ShapeContext): FeatureAxis | undefined {
  const filters = shapes.shape(node.input[1]!);
  const rank = shapes.rank(node.output[0]!) ?? filters?.length;
  if (rank === undefined || rank < 2) return undefined;
  return { back: rank - 2, count: filters?.[0], rank, made: true };
}
