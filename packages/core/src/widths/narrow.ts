/** A narrower model: which rows, columns and constants are left when features leave, and how operations change. */
import { InputError } from '../errors.js';
import type { FeatureGraph, FlowOperation } from '../format/feature-flow.js';
import type { NarrowedConstant, PaddedAxis, SlicePart } from '../format/model-narrowing.js';
import type { Widths } from './find-widths.js';
import { type FollowedFeatures, followFeatures } from './follow-features.js';
import { type Labels, product } from './labels.js';

/** What is left of a layer: places in its rows and columns; null when all are. */
export interface NarrowedLayer {
  readonly rows: Int32Array | null;
  readonly columns: Int32Array | null;
}

/** Which features are left where. */
export interface Narrowing {
  readonly layers: ReadonlyMap<string, NarrowedLayer>;
  /** Channels that are left of depthwise convolutions, by layer. */
  readonly filters: ReadonlyMap<string, Int32Array>;
  readonly constants: readonly NarrowedConstant[];
  /** By tensor, the new lengths of axes that are shorter now. */
  readonly sizes: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By slicing operation, the new parts. */
  readonly slices: ReadonlyMap<string, readonly SlicePart[]>;
  /** By picking operation, the places that it picks now. */
  readonly picks: ReadonlyMap<string, Int32Array>;
  /** By padding operation, the new numbers of places. */
  readonly pads: ReadonlyMap<string, readonly PaddedAxis[]>;
}

/**
 * @param removed labels that stand for the features that leave
 * @throws InputError `UNSUPPORTED` when what is left does not fit together
 */
export function narrow(graph: FeatureGraph, widths: Widths, removed: ReadonlySet<number>): Narrowing {
  const { sets, features, foreign } = widths;
  const leaves = (label: number): boolean => removed.has(sets.find(label));
  const slices = new Map<string, readonly SlicePart[]>();
  const picks = new Map<string, Int32Array>();
  let met = 0;
  const after = followFeatures(graph, {
    narrower: true,
    rows: ({ name }) => features.rows.get(name)?.filter((label) => !leaves(label)),
    foreign: () => foreign[met++]!.filter((label) => !leaves(label)),
    join(a, b, operation) {
      if (sets.find(a) === sets.find(b)) return;
      throw new InputError(
        'UNSUPPORTED',
        `${operation.name} would combine features that do not belong together`,
      );
    },
    pin: () => {},
    shapeAfter(tensor, from, labels) {
      const before = graph.shape(tensor);
      const known = features.tensors.get(tensor);
      if (before === undefined || known === undefined) return before;
      const { axis, size } = changedAxis(before, from, known, tensor);
      return labels.axes.length === 0 ? before : before.with(axis, size);
    },
    whole: (tensor) => features.tensors.get(tensor),
    axesAfter: (tensor) => features.tensors.get(tensor)?.axes,
    parts(operation, labels) {
      const parts = narrowedParts(operation, features, labels, leaves);
      const same =
        operation.flow.type === 'slice' && JSON.stringify(operation.flow.parts) === JSON.stringify(parts);
      if (!same) slices.set(operation.name, parts);
      return parts;
    },
    places(operation, places, labels) {
      const before = features.tensors.get(operation.inputs[0]!)!;
      if (before.ids.length === labels.ids.length) return places;
      const left: number[] = [];
      let kept = 0;
      for (const label of before.ids) left.push(leaves(label) ? kept : kept++);
      const own = places.filter((place) => !leaves(before.ids[place]!)).map((place) => left[place]!);
      picks.set(operation.name, own);
      return own;
    },
  });
  return {
    layers: narrowedLayers(graph, features, after, sets.find.bind(sets)),
    filters: new Map(
      [...after.filters].flatMap(([name, labels]) => {
        const before = features.filters.get(name)!;
        return labels.length === before.length
          ? []
          : [[name, placesOf(labels, before, sets.find.bind(sets))] as const];
      }),
    ),
    constants: after.constants.flatMap(({ operation, slot, labels }, i) => {
      const before = features.constants[i]!.labels;
      return labels.ids.length === before.ids.length
        ? []
        : [
            {
              operation,
              slot,
              axes: labels.axes,
              sizes: labels.sizes,
              places: placesOf(labels.ids, before.ids, sets.find.bind(sets)),
            },
          ];
    }),
    sizes: shorterAxes(features, after),
    pads: new Map(
      [...after.pads].filter(
        ([name, axes]) => JSON.stringify(features.pads.get(name)) !== JSON.stringify(axes),
      ),
    ),
    slices,
    picks,
  };
}

function shorterAxes(
  before: FollowedFeatures,
  after: FollowedFeatures,
): Map<string, ReadonlyMap<number, number>> {
  const sizes = new Map<string, ReadonlyMap<number, number>>();
  for (const [tensor, labels] of after.tensors) {
    const then = before.tensors.get(tensor)!;
    const shorter = labels.axes.flatMap((axis, i) =>
      labels.sizes[i] === then.sizes[i] ? [] : [[axis, labels.sizes[i]!] as const],
    );
    if (shorter.length > 0) sizes.set(tensor, new Map(shorter));
  }
  return sizes;
}

/** The last axis with features is the one that becomes shorter. */
function changedAxis(
  before: readonly (number | undefined)[],
  from: readonly (number | undefined)[],
  known: Labels,
  tensor: string,
): { axis: number; size: number } {
  const axis = known.axes.at(-1)!;
  const rest = before.toSpliced(before.length + axis, 1);
  const size = product(from as number[]) / product(rest as number[]);
  if (!Number.isInteger(size))
    throw new InputError('UNSUPPORTED', `${tensor} cannot be divided into blocks of one size`);
  return { axis, size };
}

function narrowedParts(
  operation: FlowOperation,
  features: FollowedFeatures,
  labels: Labels,
  leaves: (label: number) => boolean,
): readonly SlicePart[] {
  const { flow, inputs } = operation;
  if (flow.type !== 'slice') return [];
  const before = features.tensors.get(inputs[0]!);
  const at = before?.axes.indexOf(flow.axis) ?? -1;
  if (before === undefined || at < 0 || labels.ids.length === before.ids.length) return flow.parts;
  const size = before.sizes[at]!;
  const inner = product(before.sizes.slice(at + 1));
  const outer = product(before.sizes.slice(0, at));
  // An axis that is not the last one with features keeps its length: of each of its places something is left.
  if (labels.sizes[at] === size) return flow.parts;
  const left = (start: number, length: number): number => {
    const counts = Array.from({ length: outer }, (_, o) => {
      let count = 0;
      for (let i = start; i < start + length; i++) if (!leaves(before.ids[(o * size + i) * inner]!)) count++;
      return count;
    });
    if (counts.some((count) => count !== counts[0]))
      throw new InputError('UNSUPPORTED', `${operation.name} would cut blocks at different places`);
    return counts[0]!;
  };
  return flow.parts.map(({ start, length }) => ({ start: left(0, start), length: left(start, length) }));
}

function narrowedLayers(
  graph: FeatureGraph,
  before: FollowedFeatures,
  after: FollowedFeatures,
  find: (label: number) => number,
): Map<string, NarrowedLayer> {
  const layers = new Map<string, NarrowedLayer>();
  for (const { name } of graph.layers) {
    const side = (of: 'rows' | 'columns'): Int32Array | null => {
      const [now, then] = [after[of].get(name), before[of].get(name)];
      return now === undefined || then === undefined || now.length === then.length
        ? null
        : placesOf(now, then, find);
    };
    const [rows, columns] = [side('rows'), side('columns')];
    if (rows !== null || columns !== null) layers.set(name, { rows, columns });
  }
  return layers;
}

/** Where each label stood before: the first of a feature for the first, the second for the second. */
function placesOf(now: Int32Array, then: Int32Array, find: (label: number) => number): Int32Array {
  const places = new Map<number, number[]>();
  for (const [place, label] of then.entries()) {
    const root = find(label);
    const list = places.get(root);
    if (list === undefined) places.set(root, [place]);
    else list.push(place);
  }
  const used = new Map<number, number>();
  return now.map((label) => {
    const root = find(label);
    const nth = used.get(root) ?? 0;
    used.set(root, nth + 1);
    return places.get(root)![nth]!;
  });
}
