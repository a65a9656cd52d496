/** Finds the layers of a LayersModel whose columns can be clustered: Dense on inputs of known size, and convolutions, called once. */
import { type DenseMatrix, type FcLayer, spanOf } from '@spherize/core';
import { isMemberSum } from '../artifacts/member-sums.js';
import { floatValues, isFloat, type Weight, type Weights } from '../artifacts/weights.js';
import { activationName } from './classes/activations.js';
import { classOf } from './classes/class-table.js';
import type { KernelLayout, Shape, WeightKind } from './classes/layer-class.js';
import { filterWindow } from './filter-window.js';
import { type LayerDef, type LayerGraph, tensorName } from './layer-graph.js';
import { rowsOfKernel } from './layer-kernels.js';
import type { LayerWeights } from './layer-weights.js';
import type { MaskFacts } from './masks.js';

/** A fully connected layer, or a convolution that is compressed like one, with what it is made of. */
export interface DenseLayer {
  readonly layer: FcLayer;
  readonly def: LayerDef;
  /** How its kernel lies. */
  readonly layout: KernelLayout;
  /** Names of its weight tensors. */
  readonly kernel: string;
  readonly bias: string | undefined;
  /** Sizes of the axes between batch and features; of a convolution some may be open. */
  readonly leading: Shape;
}

/** @returns the layers, the reasons why others of these classes are none by their names, and those that add up clusters */
export function findLayers(
  graph: LayerGraph,
  weights: Weights,
  names: LayerWeights,
  shapes: ReadonlyMap<string, Shape>,
  masks: MaskFacts,
): {
  layers: DenseLayer[];
  convolutions: DenseLayer[];
  unfit: ReadonlyMap<string, string>;
  sums: ReadonlySet<string>;
} {
  const layers: DenseLayer[] = [];
  const convolutions: DenseLayer[] = [];
  const unfit = new Map<string, string>();
  const sums = new Set<string>();
  for (const def of graph.layers) {
    const kind = classOf(def.className)?.weights;
    if (kind !== 'matrix' && kind !== 'convolution' && kind !== 'transposed convolution') continue;
    const kernel = names.find(def.name, 'kernel');
    const weight = kernel === undefined ? undefined : weights.get(kernel);
    if (weight !== undefined && sumsMembers(def, weight)) {
      sums.add(def.name);
      continue;
    }
    const bias = names.find(def.name, 'bias');
    const found =
      kind === 'matrix'
        ? describe(def, weight, bias, shapes, masks.readers.get(def.name))
        : convolution(def, weight, bias, shapes, kind);
    if (typeof found === 'string') unfit.set(def.name, found);
    else (kind === 'matrix' ? layers : convolutions).push(found);
  }
  return { layers, convolutions, unfit, sums };
}

/** The layer, or why it cannot be compressed. */
function describe(
  def: LayerDef,
  weight: Weight | undefined,
  bias: string | undefined,
  shapes: ReadonlyMap<string, Shape>,
  reader: string | undefined,
): DenseLayer | string {
  const { name, calls } = def;
  if (weight === undefined) return 'its kernel is missing';
  if (calls.length > 1) return `it is called ${calls.length} times, and all calls share its weights`;
  const { shape } = weight.spec;
  if (!isFloat(weight)) return `its kernel is of type ${weight.spec.dtype}`;
  if (shape.length !== 2) return `its kernel has ${shape.length} axes, not two`;
  const [inputs, outputs] = shape as [number, number];
  if (inputs === 0 || outputs === 0) return 'its kernel is empty';
  const input = calls[0]?.inputs[0];
  const known = input && shapes.get(tensorName(input));
  if (input === undefined || known === undefined) return 'the shape of its input is unknown';
  const leading = known.slice(1, -1);
  if (leading.includes(undefined)) return 'its input has free axes besides the batch';
  if (reader !== undefined)
    return `it hands on a mask that ${reader} reads, and what sums up columns before it would end the mask`;
  return {
    layer: {
      name,
      aliases: [weight.spec.name],
      outputs,
      inputs,
      input: tensorName(input),
      shared: false,
    },
    def,
    layout: 'inputs first',
    kernel: weight.spec.name,
    bias,
    leading: leading as number[],
  };
}

/** A convolution of several channels, or why it cannot be compressed like a fully connected layer. */
function convolution(
  def: LayerDef,
  weight: Weight | undefined,
  bias: string | undefined,
  shapes: ReadonlyMap<string, Shape>,
  kind: WeightKind,
): DenseLayer | string {
  const { name, config, calls } = def;
  const own = (reason: string): string => `a ${kernelSizes(weight)}${kind}: ${reason}`;
  if (weight === undefined) return own('its filters are missing');
  if (calls.length > 1) return own(`it is called ${calls.length} times, and all calls share its filters`);
  const { shape } = weight.spec;
  if (!isFloat(weight)) return own(`its filters are of type ${weight.spec.dtype}`);
  const back = kind === 'transposed convolution';
  const window = filterWindow(config, shape, back);
  if (typeof window === 'string') return own(window);
  const last = shape.slice(-2) as [number, number];
  const [inputs, outputs] = back ? (last.toReversed() as [number, number]) : last;
  const input = calls[0]?.inputs[0];
  const known = input && shapes.get(tensorName(input));
  if (input === undefined || known === undefined) return own('the shape of its input is unknown');
  if (known.at(-1) !== inputs) return own('its channels are in groups');
  return {
    layer: {
      name,
      aliases: [weight.spec.name],
      outputs,
      inputs,
      window,
      input: tensorName(input),
      shared: false,
    },
    def,
    layout: back ? 'outputs first' : 'inputs first',
    kernel: weight.spec.name,
    bias,
    leading: known.slice(1, -1),
  };
}

/** `3×3 `, or nothing. */
export function kernelSizes(weight: Weight | undefined): string {
  const sizes = weight?.spec.shape.slice(0, -2) ?? [];
  return sizes.length === 0 ? '' : `${sizes.join('×')} `;
}

/** Whether a layer only adds up its inputs, each into one output. */
function sumsMembers({ config }: LayerDef, weight: Weight): boolean {
  const plain = config.use_bias === false && activationName(config) === undefined;
  return plain && weight.spec.shape.length > 1 && isFloat(weight) && isMemberSum(weight);
}

/** W, shape `[outputs·span, inputs]`. */
export function denseWeights({ layer, layout, kernel }: DenseLayer, weights: Weights): DenseMatrix {
  const { outputs, inputs } = layer;
  return rowsOfKernel(floatValues(weights.get(kernel)!), outputs, inputs, spanOf(layer), layout);
}

export function denseBias({ bias, def }: DenseLayer, weights: Weights): Float32Array | undefined {
  if (bias === undefined || def.config.use_bias === false) return undefined;
  return floatValues(weights.get(bias)!);
}
