/** What is known of an operator of ONNX. Everything that asks about operators reads it from the table in `operator-table.ts`. */
import type { OperationEffect } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { Shape } from '../../proto/onnx-protos.js';
import type { GraphIndex } from '../../tensors/graph-index.js';
import type { FoundSizes, Integers, Sizes } from '../../tensors/sizes.js';
import type { FlowRule } from './flow-rules.js';

/** Shapes and element types of tensors, as far as they are known. */
export interface ShapeFacts {
  shape(tensor: string): Shape | undefined;
  /** The same, with open sizes that are known to be one. */
  sizes(tensor: string): Sizes | undefined;
  /** The values of a tensor of few integers or booleans, as far as they are known; undefined for all other tensors. */
  integers(tensor: string): Integers | undefined;
  rank(tensor: string): number | undefined;
  /** A value of `TensorProto.DataType`; float32 where nothing says otherwise. */
  elementType(tensor: string): number;
}

/** Where the features of a tensor lie. */
export interface FeatureAxis {
  /** Number of axes behind the features: 0 where they lie on the last. */
  readonly back: number;
  /** Number of features; undefined when unknown, or when each lies at several places side by side. */
  readonly count: number | undefined;
  readonly rank: number | undefined;
  /** Whether a layer or convolution makes the features; those of any other tensor are taken to lie on its last axis. */
  readonly made: boolean;
}

/** Where the features of all tensors lie. */
export interface AxisFacts {
  of(tensor: string): FeatureAxis;
  /** Whether the features of a tensor are those of what its node reads. */
  carries(tensor: string): boolean;
  /** Whether the features are channels: on axis 1, with positions behind them. */
  areChannels(tensor: string): boolean;
}

/** What rules may ask about the graph around a node. */
export interface ShapeContext {
  readonly index: GraphIndex;
  readonly shapes: ShapeFacts;
}
export interface EffectContext extends ShapeContext {
  readonly axes: AxisFacts;
}

/**
 * The shape of a node's output, or undefined where its rank is unknown.
 *
 * @param slot which output, for operators whose outputs are alike
 */
export type ShapeRule = (node: NodeProto, context: ShapeContext, slot: number) => FoundSizes | undefined;

/** The output that a `ValueRule` is asked about. */
export interface ValueTarget {
  readonly dims: readonly number[];
  readonly slot: number;
  readonly toBoolean: boolean;
}

/** The values of a node's output of integers, row-major; undefined where none is known. */
export type ValueRule = (
  node: NodeProto,
  context: ShapeContext,
  target: ValueTarget,
) => Integers['values'] | undefined;

/** The element type of a node's first output. */
export type TypeRule = (node: NodeProto, shapes: ShapeFacts) => number;

/** Where a node leaves the features of `input`; undefined when it does not lead them on. */
export type PlaceRule = (
  node: NodeProto,
  input: string,
  before: FeatureAxis,
  context: EffectContext,
) => FeatureAxis | undefined;

/** @param input the tensor in which the walk goes on upstream */
export type EffectRule = (node: NodeProto, input: string, context: EffectContext) => OperationEffect;

/** One operand with parameters per feature. */
export interface FeatureParameters {
  /** Which input; `constant` for the only one that is a constant. */
  readonly slot: number | 'constant';
  /** What the factors do to them. */
  readonly scaling: 'multiply' | 'divide' | 'none';
  /** Whether the features lie on axis 0 rather than on the one axis wider than 1. */
  readonly first?: boolean;
}

/** A product of weights: `factor` multiplications per value of `tensor`. */
export interface WeightProduct {
  readonly tensor: string;
  readonly factor: number;
}

/**
 * Null when a node multiplies by no weights, undefined when their shape is unknown.
 *
 * @param isConstant whether a tensor is, or is computed from, constants alone
 */
export type ProductRule = (
  node: NodeProto,
  shapes: ShapeFacts,
  isConstant: (tensor: string | undefined) => boolean,
) => WeightProduct | null | undefined;

/** What the weights of an operator are, for the reason why they are not compressed. */
export type WeightKind =
  /** What fully connected layers are made of. */
  | 'matrix'
  | 'convolution'
  | 'quantised convolution'
  | 'transposed convolution'
  | 'recurrent'
  | 'table'
  | 'einsum'
  | 'quantised';

export interface Operator {
  readonly name: string;
  /** `''` for the standard operator set. */
  readonly domain: string;
  /** The version of its operator set with which it has the form that is described here. */
  readonly since: number;
  /** Number of first inputs that no node of it can be without, in any version. */
  readonly inputs: number;
  /** The input that the features come from: the first one, or the only one that is no constant. */
  readonly activation: 'first' | 'varying';
  readonly shape?: ShapeRule | undefined;
  /** Whether the shape holds for every output, and not only for the first. */
  readonly outputsAlike?: true | undefined;
  /** Of integers that shapes are computed with. */
  readonly values?: ValueRule | undefined;
  /** Left out: the type of the first input. */
  readonly type?: TypeRule | undefined;
  readonly place?: PlaceRule | undefined;
  /** The features that a node makes from weights of its own. */
  readonly makes?: ((node: NodeProto, context: ShapeContext) => FeatureAxis | undefined) | undefined;
  readonly effect: EffectRule | OperationEffect;
  /** How features move; left out: they do not pass. */
  readonly flow?: FlowRule | undefined;
  /** The input that says the shape of the result. */
  readonly target?: number | undefined;
  /** Operands with parameters per feature, which follow the order and the factors. */
  readonly parameters: readonly FeatureParameters[];
  /** Whether constants with one value per feature are its parameters, however many axes of size 1 they have. */
  readonly takesVectors: boolean;
  /** Which constant operands are checked: weights must be finite, masks may be infinite. */
  readonly finite?: 'weights' | 'masks' | undefined;
  readonly products: ProductRule | 'none' | 'uncounted';
  readonly weights?: WeightKind | undefined;
  /** Whether one byte of its second input holds several weights. */
  readonly packed: boolean;
  /** Why it cannot stand between two fully connected layers, as the end of a sentence after its name. */
  readonly apart?: string | undefined;
}
