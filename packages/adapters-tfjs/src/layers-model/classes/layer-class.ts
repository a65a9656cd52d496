/** What is known of a class of layers of TensorFlow.js. Everything that asks about classes reads it from `class-table.ts`. */
import type { FeatureFlow, OperationEffect } from '@spherize/core';
import type { JsonObject } from '../../artifacts/json.js';

/** Sizes of all axes, batch first; undefined where the model leaves one open. */
export type Shape = readonly (number | undefined)[];

/** How many axes lie behind that of the features: 0 where they lie on the last. Undefined where they are not followed. */
export type Place = number | undefined;

/** One call of a layer, as far as it is known. */
export interface LayerFacts {
  readonly def: { readonly name: string; readonly config: JsonObject; readonly calls: readonly unknown[] };
  /** Shapes of its first input and of its first output. */
  readonly input: Shape | undefined;
  readonly output: Shape | undefined;
  /** Where the features of its first input lie, and where it leaves them. */
  readonly before: Place;
  readonly after: Place;
  /** The shape of one of its weights, such as `kernel`. */
  weight(name: string): readonly number[] | undefined;
}

/**
 * The shape of a layer's first output, or undefined where it is unknown.
 *
 * @param held the same for a layer that this one holds
 */
export type ShapeRule = (
  config: JsonObject,
  inputs: readonly Shape[],
  held: (layer: JsonObject, inputs: readonly Shape[]) => Shape | undefined,
) => Shape | undefined;

export type PlaceRule = (facts: Omit<LayerFacts, 'after' | 'weight'>) => Place;
export type EffectRule = (facts: LayerFacts) => OperationEffect;
/** Multiplications by weights per sample; undefined when a size is open. */
export type ProductRule = (facts: LayerFacts) => number | undefined;

/** How a kernel lies in a file: `[…window, inputs, outputs]`, `[…window, outputs, inputs]` or `[…window, channels, multiplier]`. */
export type KernelLayout = 'inputs first' | 'outputs first' | 'depthwise';

/** Features multiplied by a kernel of the layer. */
export interface KernelFlow {
  readonly type: 'kernel';
  /** Names of its weights, such as `kernel`. */
  readonly kernel: string;
  /** Left out where it takes none. */
  readonly bias?: string;
  readonly layout: KernelLayout;
  /** Where it reads features and makes them, counted from the end. */
  readonly axis: number;
}

/** One step of what a layer does to features; most layers have one. Constants are weights of `parameters`, by their place there. */
export interface FlowStep {
  readonly flow: FeatureFlow | KernelFlow;
  /** Inputs of the layer, or steps by name. Left out: what the step before made, and all inputs for the first. */
  readonly reads?: readonly (number | string)[];
  /** After the layer's name. Left out by single steps. */
  readonly name?: string;
}

/** One call of a layer with the ranks of all its inputs. */
export interface FlowFacts extends LayerFacts {
  readonly ranks: readonly (number | undefined)[];
}

export type FlowRule = (facts: FlowFacts) => FeatureFlow | KernelFlow | readonly FlowStep[];

/** A weight with values per feature. */
export interface FeatureParameter {
  readonly weight: string;
  /** How many of its axes lie behind that of the features; `input` for as many as in what the layer reads. */
  readonly back: number | 'input';
  /** What factors of the layer's outputs do to it. */
  readonly scaling: 'multiply' | 'none';
  /** What the configuration says when a layer without this weight, which would hold ones, gets it. */
  readonly added?: JsonObject | undefined;
}

/** What the weights of a class are, for the reason why they are not compressed. */
export type WeightKind =
  /** What fully connected layers are made of: `kernel`, shape `[inputs, outputs]`, and `bias`. */
  | 'matrix'
  | 'convolution'
  | 'depthwise convolution'
  | 'separable convolution'
  | 'transposed convolution'
  | 'recurrent'
  | 'table';

/** What happens to masks, which say the steps of sequences that count (see `masks.ts`); at other classes they end. */
export type MaskUse = 'makes' | 'makes where mask_zero says so' | 'passes' | 'reads';

export interface LayerClass {
  readonly name: string;
  /** Left out: unknown. Not asked of what holds a model. */
  readonly shape?: ShapeRule | undefined;
  /** Its rank where the shape of its input is unknown. */
  readonly rank?: number | undefined;
  /** Left out: on the last axis, as it makes features of its own. */
  readonly place?: PlaceRule | undefined;
  /** What it does to factors and the order of the features of its input, before an activation of its own. */
  readonly effect: EffectRule | OperationEffect;
  /** How features move through it, before an activation of its own. */
  readonly flow: FlowRule;
  /** Whether `activation` in its configuration is applied to what it makes. */
  readonly activates: boolean;
  /** Weights that follow the order and the factors of its outputs. */
  readonly parameters: readonly FeatureParameter[];
  /** The entry of its configuration that says how many features it makes. */
  readonly size?: 'units' | 'filters' | 'output_dim' | undefined;
  /** The entry that lists the sizes of all axes behind the batch. */
  readonly sizes?: 'target_shape' | undefined;
  readonly products: ProductRule | 'none' | 'uncounted';
  readonly weights?: WeightKind | undefined;
  /** Whether it is a model of layers, or a wrapper of one layer. */
  readonly holds?: 'model' | 'layer' | undefined;
  readonly mask?: MaskUse | undefined;
  /** Why it cannot stand between two fully connected layers, as the end of a sentence after its name. */
  readonly apart?: string | undefined;
}
