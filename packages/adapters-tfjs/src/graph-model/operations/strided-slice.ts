/** What a StridedSlice does to each axis of what it reads. */
import { integer, type NodeDef } from '../nodes/node-def.js';
import type { KnownTensors, Shape } from './known-tensor.js';

/** The places `start`, `start + step`, … of an axis. */
export interface AxisCut {
  /** Of what is read, from the front. */
  readonly axis: number;
  /** Where the bounds of this axis stand in the operands. */
  readonly place: number;
  readonly start: number;
  readonly length: number;
  readonly step: number;
  /** Whether the axis goes, as in `x[0]`. */
  readonly dropped: boolean;
}

export interface StridedCuts {
  /** Axes of which less than everything is taken, or that go. */
  readonly cuts: readonly AxisCut[];
  /** Places in the result, from the front, where axes of length one are added. */
  readonly added: readonly number[];
  readonly result: Shape;
}

/** Undefined where bounds or the lengths that they are counted from are unknown. */
export function stridedCuts(node: NodeDef, known: KnownTensors): StridedCuts | undefined {
  const shape = known.shape(node.input[0]);
  const [begin, end, strides] = [1, 2, 3].map((slot) => known.values(node.input[slot]));
  if (shape === undefined || begin === undefined || end === undefined || strides === undefined)
    return undefined;
  const has = (mask: string, place: number): boolean => ((integer(node, mask) ?? 0) & (1 << place)) !== 0;
  const places = begin.map((_, place) => place);
  const named = places.filter((place) => !has('new_axis_mask', place) && !has('ellipsis_mask', place)).length;
  const cuts: AxisCut[] = [];
  const added: number[] = [];
  const result: (number | undefined)[] = [];
  let axis = 0;
  for (const place of places) {
    if (has('ellipsis_mask', place)) {
      for (let passed = named; passed < shape.length; passed++) result.push(shape[axis++]);
    } else if (has('new_axis_mask', place)) {
      added.push(result.length);
      result.push(1);
    } else {
      const cut = axisCut(shape[axis], [begin[place]!, end[place]!, strides[place]!], {
        open: [has('begin_mask', place), has('end_mask', place)],
        dropped: has('shrink_axis_mask', place),
      });
      if (cut === undefined) return undefined;
      if (cut !== 'all') cuts.push({ ...cut, axis, place });
      if (cut === 'all') result.push(shape[axis]);
      else if (!cut.dropped) result.push(cut.length);
      axis++;
    }
  }
  return { cuts, added, result: [...result, ...shape.slice(axis)] };
}

function axisCut(
  size: number | undefined,
  [begin, end, step]: readonly [number, number, number],
  { open, dropped }: { open: readonly [boolean, boolean]; dropped: boolean },
): Omit<AxisCut, 'axis' | 'place'> | 'all' | undefined {
  if (!dropped && open[0] && open[1] && step === 1) return 'all';
  if (size === undefined) {
    // The first place of an axis is known without its length.
    return dropped && begin >= 0 ? { start: begin, length: 1, step: 1, dropped } : undefined;
  }
  const counted = (bound: number): number => (bound < 0 ? bound + size : bound);
  if (dropped) return { start: counted(begin), length: 1, step: 1, dropped };
  const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (bound: number): number => Math.min(most, Math.max(least, counted(bound)));
  const start = open[0] ? (step > 0 ? 0 : size - 1) : within(begin);
  const stop = open[1] ? (step > 0 ? size : -1) : within(end);
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return step === 1 && length === size ? 'all' : { start, length, step, dropped };
}
