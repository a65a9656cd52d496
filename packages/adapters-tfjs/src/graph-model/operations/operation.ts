/** What is known of an operation of a graph model. Everything that asks about operations reads it from `operation-table.ts`. */
import type { OperationEffect } from '@spherize/core';
import type { GraphIndex } from '../nodes/graph-index.js';
import type { NodeDef } from '../nodes/node-def.js';
import type { Filtering } from './filters.js';
import type { FlowRule } from './flow.js';
import type { ShapeRule, ValueRule } from './known-tensor.js';

export type EffectRule = (node: NodeDef, index: GraphIndex) => OperationEffect;

/** An operand with parameters per feature, on its last axis or, with `back`, on the one before. */
export interface FeatureParameters {
  /** Which input; `constant` for the one that is a constant. */
  readonly slot: number | 'constant';
  /** What the factors do to them. */
  readonly scaling: 'multiply' | 'divide' | 'none';
  /** How many axes lie behind that of the features. Left out: none. */
  readonly back?: 1;
}

export interface Operation {
  readonly name: string;
  /** What it does to factors and the order of what its only input that is no constant holds. */
  readonly effect: EffectRule | OperationEffect;
  readonly parameters: readonly FeatureParameters[];
  /** How features move through it. */
  readonly flow: FlowRule;
  /** The shapes of what it makes; left out where only a run tells. */
  readonly shape?: ShapeRule | undefined;
  /** The values of what it makes, where it computes lengths; left out where it does not. */
  readonly values?: ValueRule | undefined;
  /** How it reads an image, where it is a convolution whose columns can be clustered. */
  readonly filters?: Filtering | undefined;
  /** Which constant operands are checked: weights must be finite, masks may be infinite. */
  readonly finite?: 'weights' | 'masks' | undefined;
  /**
   * Multiplications per value that it makes, of transposed convolutions that it reads, from the shape of the constant in slot 1; 'uncounted'
   * where they are not known.
   */
  readonly products?: ((shape: readonly number[], node: NodeDef) => number) | 'uncounted' | undefined;
  /** The inputs in which constants with one value per feature are parameters, not weights. */
  readonly vectors: 'none' | 'all' | 'all but weights';
  /** Why its weights are not compressed; left out: it is an operand. */
  readonly unoffered?: ((shape: readonly number[]) => string) | undefined;
  /** Why it cannot stand between two fully connected layers, as the end of a sentence after its name. */
  readonly apart?: string | undefined;
}
