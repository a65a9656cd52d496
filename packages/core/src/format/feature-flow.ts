/**
 * How features move through a model, in terms that no model format owns. A feature is one neuron, channel or value dimension: what leaves a
 * layer when one of its rows does. An adapter lists the operations; `widths/` follows the features through them.
 *
 * Axes are counted from the end, as numpy does: -1 is the last one. So a tensor of unknown rank still has its last axis.
 */

import type { FilterWindow } from './filter-window.js';
import type { Model } from './model-format.js';
import type { ModelNarrowing, NarrowedWeights, PaddedAxis, SlicePart } from './model-narrowing.js';
import type { OperationEffect } from './operation-effect.js';

/** A layer with weights `[outputs·span, inputs / groups]`: a product of a matrix (span 1) or a convolution (span = the filter's positions). */
export interface FeatureLayer {
  readonly name: string;
  readonly kind: 'product' | 'convolution';
  readonly outputs: number;
  readonly inputs: number;
  /** Positions of a filter, kh·kw; 1 for a product. */
  readonly span: number;
  /** Groups of a grouped convolution: each reads its share of the inputs. 1 for most. */
  readonly groups: number;
  /** Where a convolution looks, so that what it reads can be laid out as rows; left out where that is not known, and for a product. */
  readonly window?: FilterWindow | undefined;
  /** Whether a value per output is added. */
  readonly bias: boolean;
  /** Whether other operations use the same weights. */
  readonly shared: boolean;
}

/** A constant operand that holds one value per feature, along some of its axes. */
export interface ConstantOperand {
  /** Which input of the operation. */
  readonly slot: number;
  /** Its shape; its axes lie under the last axes of the result, unless `axis` says where its single long axis lies. */
  readonly shape: readonly number[];
  /** The axis of the result under which a vector lies: -3 for the γ of a BatchNormalization over images. */
  readonly axis?: number;
}

/** What an operation does to the features of what it reads. */
export type FeatureFlow =
  /** Reads features along one axis and makes those of its rows along another. */
  | { readonly type: 'layer'; readonly layer: string; readonly reads: number; readonly makes: number }
  /** Computes every value from the values in the same place of all inputs, which are broadcast; constants follow the features. */
  | {
      readonly type: 'elementwise';
      readonly constants: readonly ConstantOperand[];
      /** Whether it adds its inputs: the sum of a residual connection. */
      readonly adds?: boolean;
      /** Whether it only repeats what it reads, along axes of one place. */
      readonly copies?: boolean;
    }
  /** One filter, or several, for each channel on `axis`: output channel `c·multiplier + t` is made of channel c. */
  | {
      readonly type: 'depthwise';
      readonly layer: string;
      readonly axis: number;
      readonly multiplier: number;
    }
  /** Axis i of the result is axis `permutation[i]`, counted from the front. */
  | { readonly type: 'transpose'; readonly permutation: readonly number[] }
  /** The same values in the same order, in another shape. */
  | { readonly type: 'reshape' }
  /** Output o holds the places `start[o] … start[o] + length[o]` of an axis; `dropped`: it is one place, and the axis is gone. */
  | {
      readonly type: 'slice';
      readonly axis: number;
      readonly parts: readonly SlicePart[];
      readonly dropped?: boolean;
    }
  | { readonly type: 'concat'; readonly axis: number }
  /** Place i of an axis of the result is place `places[i]` of that axis. */
  | { readonly type: 'pick'; readonly axis: number; readonly places: Int32Array }
  /** `count` features become one, which lies at more places: neighbours or, `apart`, each the nth of a run of all. */
  | { readonly type: 'merge'; readonly axis: number; readonly count: number; readonly apart: boolean }
  /** Each feature comes `count` times: side by side or, `apart`, one run of all behind the other. */
  | { readonly type: 'repeat'; readonly axis: number; readonly count: number; readonly apart: boolean }
  /** Puts places of one constant value before and behind those of some axes. */
  | { readonly type: 'pad'; readonly axes: readonly PaddedAxis[] }
  /** A product of two tensors: `[…, i, k] · […, k, j]`. */
  | { readonly type: 'contraction' }
  /**
   * Mixes values along some axes and leaves the others: a softmax, a pooling, a mean. `dropped`: whether those axes are gone from the result.
   * Features along such an axis stay as they are, for this reason.
   */
  | {
      readonly type: 'mixing';
      readonly axes: readonly number[];
      readonly dropped: boolean;
      readonly reason: string;
    }
  /** Tells sizes, not values. `computed`: whether something computes with them as with values, and so needs them to stay. */
  | { readonly type: 'sizes'; readonly computed?: boolean }
  /** Anything else: the end of a sentence after the operation's name says why features do not pass. */
  | { readonly type: 'other'; readonly reason: string };

/** One operation, with the tensors that vary with the model's input. */
export interface FlowOperation {
  /** Unique within the model, and known to the adapter: rewrites refer to it. */
  readonly name: string;
  /** The operation of the model that this one is a step of, for messages. */
  readonly partOf?: string;
  /** The operation's type as the format calls it, for messages: `Relu`. */
  readonly label: string;
  /** Tensors that it reads and that are no constants, in order. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly flow: FeatureFlow;
  /** What it does to factors and order; left out by a step of which a later one speaks for all. What that leads on is in the first input. */
  readonly effect?: OperationEffect | undefined;
}

/** The operations of a model, each described once: where features go, and what happens to them. */
export interface FeatureGraph {
  /** All that hold weights, whether they are offered as the model's layers or not. */
  readonly layers: readonly FeatureLayer[];
  /** In an order in which every tensor is made before it is read. */
  readonly operations: readonly FlowOperation[];
  /** Tensors that the model gives out. */
  readonly outputs: readonly string[];
  /** The shape of a tensor, where free axes have some size of their own; undefined where it is unknown. */
  shape(tensor: string): readonly (number | undefined)[] | undefined;
}

/** Mean and variance of features over samples and places, as a batch normalisation holds them from training. */
export interface StoredStatistics {
  /** The tensor that is normalised. */
  readonly tensor: string;
  /** The axis of the features, counted from the end: −1 is the last. */
  readonly axis: number;
  /** One per feature. */
  readonly mean: Float32Array;
  /** One per feature. */
  readonly variance: Float32Array;
}

/** What can be done with a model whose features may leave. Layers, operations and tensors are named as in its graph. */
export interface ModelFeatures {
  /** Weights `[outputs·span, inputs / groups]`, a row per output and position of the filter, and the bias. */
  weights(layer: string): NarrowedWeights;
  /** What batch normalisations hold of what they read: images that are made up are chosen to match it. Left out: nothing. */
  readonly statistics?: readonly StoredStatistics[];
  /** Whether `observe` takes tensors that are given, for this model. Default: no. */
  readonly resumes?: boolean;
  /** Whether `observe` also goes on from this tensor, which a layer makes within an operation, before its activation. Default: from none. */
  readonly resumesWithin?: (tensor: string) => boolean;
  /** The same operations with less in them. */
  narrow(narrowing: ModelNarrowing): Model;
  /**
   * A model that computes some tensors of this one, and has them as its outputs in this order.
   *
   * @param given tensors that are inputs of that model, so that what makes them is not computed again; only where the format `resumes`, and
   * none that lies within one operation of the model, unless it `resumesWithin`. They are fed as an observed part gave them. What else it needs, it computes from inputs
   * of this model; those that it does not need are none of its own. Default: none
   */
  observe(tensors: readonly string[], given?: readonly string[]): Model;
}
