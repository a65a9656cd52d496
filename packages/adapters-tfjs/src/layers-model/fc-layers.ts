/** Finds the fully connected layers of a LayersModel: Dense, called once, on inputs of known size. */
import { type DenseMatrix, denseMatrix, type FcLayer, transpose } from '@spherize/core';
import { floatValues, isFloat, type Weight, type Weights } from '../artifacts/weights.js';
import { activationName } from './classes/activations.js';
import { classOf } from './classes/class-table.js';
import type { Shape } from './classes/layer-class.js';
import { type LayerDef, type LayerGraph, tensorName } from './layer-graph.js';
import type { LayerWeights } from './layer-weights.js';
import type { MaskFacts } from './masks.js';

/** A fully connected layer with what it is made of. */
export interface DenseLayer {
  readonly layer: FcLayer;
  readonly def: LayerDef;
  /** Names of its weight tensors. */
  readonly kernel: string;
  readonly bias: string | undefined;
  /** Sizes of the axes between batch and features. */
  readonly leading: readonly number[];
}

/** Kernels above this size are weights, however they look. */
const LARGEST_SUM = 2 ** 24;

/** @returns the layers, the reasons why other Dense layers are none by their names, and those that add up clusters */
export function findDenseLayers(
  graph: LayerGraph,
  weights: Weights,
  names: LayerWeights,
  shapes: ReadonlyMap<string, Shape>,
  masks: MaskFacts,
): { layers: DenseLayer[]; unfit: ReadonlyMap<string, string>; sums: ReadonlySet<string> } {
  const layers: DenseLayer[] = [];
  const unfit = new Map<string, string>();
  const sums = new Set<string>();
  for (const def of graph.layers) {
    if (classOf(def.className)?.weights !== 'matrix') continue;
    const kernel = names.find(def.name, 'kernel');
    const weight = kernel === undefined ? undefined : weights.get(kernel);
    if (weight !== undefined && isMemberSum(def, weight)) {
      sums.add(def.name);
      continue;
    }
    const found = describe(def, weight, names.find(def.name, 'bias'), shapes, masks.readers.get(def.name));
    if (typeof found === 'string') unfit.set(def.name, found);
    else layers.push(found);
  }
  return { layers, unfit, sums };
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
    kernel: weight.spec.name,
    bias,
    leading: leading as number[],
  };
}

/** Whether a Dense layer only adds up its inputs, each into one output: the cluster sum of a compressed model. */
function isMemberSum({ config }: LayerDef, weight: Weight): boolean {
  const { shape } = weight.spec;
  if (config.use_bias !== false || shape.length !== 2 || !isFloat(weight)) return false;
  const [rows, columns] = shape as [number, number];
  if (rows * columns > LARGEST_SUM || activationName(config) !== undefined) return false;
  const values = floatValues(weight);
  for (let i = 0; i < rows; i++) {
    let ones = 0;
    for (let j = i * columns; j < (i + 1) * columns; j++) {
      if (values[j] === 1) ones++;
      else if (values[j] !== 0) return false;
    }
    if (ones !== 1) return false;
  }
  return rows > 1;
}

/** W, shape `[outputs, inputs]`: TensorFlow.js stores `[inputs, outputs]`. */
export function denseWeights({ layer, kernel }: DenseLayer, weights: Weights): DenseMatrix {
  return transpose(denseMatrix(layer.inputs, layer.outputs, floatValues(weights.get(kernel)!)));
}

export function denseBias({ bias, def }: DenseLayer, weights: Weights): Float32Array | undefined {
  if (bias === undefined || def.config.use_bias === false) return undefined;
  return floatValues(weights.get(bias)!);
}
