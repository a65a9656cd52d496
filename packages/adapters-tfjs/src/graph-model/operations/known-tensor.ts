/** What is known of a tensor before the model runs. */
import type { GraphIndex } from '../nodes/graph-index.js';
import type { NodeDef } from '../nodes/node-def.js';

/** `undefined` marks a length that only a run tells. */
export type Shape = readonly (number | undefined)[];

/** Shapes of tensors, and the values of small ones that are computed from shapes and constants. */
export interface KnownTensors {
  readonly index: GraphIndex;
  shape(tensor: string | undefined): Shape | undefined;
  /** Row-major; undefined where they depend on more than shapes. */
  values(tensor: string | undefined): readonly number[] | undefined;
}

/** The shapes of a node's outputs; missing ones are unknown. */
export type ShapeRule = (node: NodeDef, known: KnownTensors) => readonly (Shape | undefined)[];

/** The values of a node's outputs; missing ones are unknown. */
export type ValueRule = (node: NodeDef, known: KnownTensors) => readonly (readonly number[] | undefined)[];

/** The shape, where all of its lengths are known. */
export function fullShape(shape: Shape | undefined): readonly number[] | undefined {
  return shape?.every((size) => size !== undefined) ? (shape as readonly number[]) : undefined;
}

/** Axes counted from the end. */
export function fromEnd(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis : axis - rank));
}

/** Axes counted from the front. */
export function fromFront(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
