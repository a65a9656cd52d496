/** Core's instructions to a model format when features leave a model. No operation is added and none goes. */
import type { DenseMatrix } from '../matrix/dense-matrix.js';

/** What is left of a constant operand: `places` along the flattened `axes`, which are `sizes` long now. */
export interface NarrowedConstant {
  readonly operation: string;
  readonly slot: number;
  /** Of the constant, counted from the end. */
  readonly axes: readonly number[];
  readonly sizes: readonly number[];
  readonly places: Int32Array;
}

/** New weights `[outputs'·span, inputs' / groups]`, a row per output and position of the filter, and the new bias. */
export interface NarrowedWeights {
  readonly weights: DenseMatrix;
  readonly bias: Float32Array | null;
}

/** A part of a sliced axis. */
export interface SlicePart {
  readonly start: number;
  readonly length: number;
}

/** Places that a padding puts before and behind those of an axis, counted from the end. */
export interface PaddedAxis {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

/** Nothing leaves: some layers get other weights. */
export function otherWeights(layers: ModelNarrowing['layers']): ModelNarrowing {
  return {
    layers,
    constants: [],
    sizes: new Map(),
    slices: new Map(),
    picks: new Map(),
    pads: new Map(),
  };
}

export interface ModelNarrowing {
  readonly layers: ReadonlyMap<string, NarrowedWeights>;
  readonly constants: readonly NarrowedConstant[];
  /** By tensor, the new lengths of axes that are shorter now, counted from the end. */
  readonly sizes: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By slicing operation, the new parts. */
  readonly slices: ReadonlyMap<string, readonly SlicePart[]>;
  /** By picking operation, the places that it picks now. */
  readonly picks: ReadonlyMap<string, Int32Array>;
  /** By padding operation, the new numbers of places. */
  readonly pads: ReadonlyMap<string, readonly PaddedAxis[]>;
}
