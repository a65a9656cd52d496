/** Kernels and biases of layers as rows over features, in whatever way the file stores them. */
import {
  type DenseMatrix,
  denseMatrix,
  type FeatureLayer,
  type NarrowedWeights,
  transpose,
} from '@spherize/core';
import { storedAs } from '../artifacts/storage.js';
import { floatValues, floatWeight, type Weight } from '../artifacts/weights.js';
import type { KernelLayout } from './classes/layer-class.js';
import type { LayerDef } from './layer-graph.js';

/** A layer of the feature graph with the weights that make it up. */
export interface LayerKernel {
  readonly layer: FeatureLayer;
  readonly def: LayerDef;
  /** Which call of it multiplies. */
  readonly call: number;
  readonly layout: KernelLayout;
  readonly kernel: Weight;
  /** Undefined where nothing is added. */
  readonly bias: Weight | undefined;
  /** What a bias is called; undefined where the kernel takes none. */
  readonly biasName: string | undefined;
}

/** What the shape of a kernel says. */
export function kernelFacts(
  shape: readonly number[],
  layout: KernelLayout,
): Pick<FeatureLayer, 'kind' | 'outputs' | 'inputs' | 'span' | 'groups'> {
  const [a, b] = shape.slice(-2) as [number, number];
  const span = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const kind = shape.length === 2 ? 'product' : 'convolution';
  if (layout === 'depthwise') return { kind, outputs: a * b, inputs: a, span, groups: a };
  const [inputs, outputs] = layout === 'inputs first' ? [a, b] : [b, a];
  return { kind, outputs, inputs, span, groups: 1 };
}

/** Weights `[outputs·span, inputs / groups]` and bias; a view into the file where it lies so. */
export function kernelWeights({ layer, layout, kernel, bias }: LayerKernel): NarrowedWeights {
  const { outputs, span, inputs, groups } = layer;
  return {
    weights: rowsOfKernel(floatValues(kernel), outputs, inputs / groups, span, layout),
    bias: bias === undefined ? null : floatValues(bias),
  };
}

/** A kernel as rows `[outputs·span, inputs]`; a view into its values where they lie so. */
export function rowsOfKernel(
  values: Float32Array,
  outputs: number,
  inputs: number,
  span: number,
  layout: KernelLayout,
): DenseMatrix {
  const size = outputs * inputs;
  const rowsAt = (s: number): DenseMatrix => {
    const stored = values.subarray(s * size, (s + 1) * size);
    return layout === 'outputs first'
      ? denseMatrix(outputs, inputs, stored)
      : transpose(denseMatrix(inputs, outputs, stored));
  };
  if (span === 1) return rowsAt(0);
  const weights = denseMatrix(outputs * span, inputs);
  for (let s = 0; s < span; s++) {
    const { data } = rowsAt(s);
    for (let o = 0; o < outputs; o++)
      weights.data.set(data.subarray(o * inputs, (o + 1) * inputs), (o * span + s) * inputs);
  }
  return weights;
}

/** `[outputs·span, inputs]` as a file stores it; filters of single channels have one input, and lie as others do whose outputs come last. */
export function kernelOfRows(matrix: DenseMatrix, span: number, layout: KernelLayout): Float32Array {
  const [outputs, inputs] = [matrix.rows / span, matrix.cols];
  const lying = (rows: DenseMatrix): Float32Array =>
    (layout === 'outputs first' ? rows : transpose(rows)).data;
  if (span === 1) return lying(matrix);
  const values = new Float32Array(matrix.data.length);
  const window = denseMatrix(outputs, inputs);
  for (let s = 0; s < span; s++) {
    for (let o = 0; o < outputs; o++) {
      const from = (o * span + s) * inputs;
      window.data.set(matrix.data.subarray(from, from + inputs), o * inputs);
    }
    values.set(lying(window), s * outputs * inputs);
  }
  return values;
}

/** The same layer's weights with others in them, in the types in which they are stored. */
export function narrowedKernel(
  { layer, def, layout, kernel, bias, biasName }: LayerKernel,
  matrix: DenseMatrix,
  newBias: Float32Array | null,
): { weights: readonly Weight[]; outputs: number } {
  const [outputs, inputs] = [matrix.rows / layer.span, matrix.cols];
  const { name, shape } = kernel.spec;
  const multiplier = layer.outputs / layer.inputs;
  const last = {
    'inputs first': [inputs, outputs],
    'outputs first': [outputs, inputs],
    depthwise: [outputs / multiplier, multiplier],
  }[layout];
  const weights = [
    storedAs(
      kernel,
      def.name,
      name,
      [...shape.slice(0, -2), ...last],
      kernelOfRows(matrix, layer.span, layout),
    ),
  ];
  if (newBias !== null && biasName !== undefined)
    weights.push(
      bias
        ? storedAs(bias, def.name, biasName, [newBias.length], newBias)
        : floatWeight(biasName, [newBias.length], newBias),
    );
  return { weights, outputs };
}
