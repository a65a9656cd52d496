/** W and b of a fully connected layer, whatever way the file stores them. */
import { type DenseMatrix, denseMatrix, type NarrowedWeights, spanOf, transpose } from '@spherize/core';
import { floatValues } from '../proto/tensor-values.js';
import type { OnnxLayer } from './fc-layers.js';
import type { WeightedNode } from './feature-graph.js';
import { rowsOfFilters } from './filter-rows.js';
import { requireFinite } from './finite-weights.js';
import type { WeightLayout } from './operators/flow-rules.js';

/** W with the factor alpha, shape `[outputs·span, inputs]`; a view into the file when that is how it is stored. */
export function layerWeights({ layer, weights, outputsFirst, alpha }: OnnxLayer): DenseMatrix {
  const values = floatValues(weights.tensor);
  if (layer.window !== undefined) {
    requireFinite(weights.tensor, `the filters of ${layer.name}`);
    return rowsOfFilters(values, layer.outputs, layer.inputs, spanOf(layer));
  }
  const matrix = outputsFirst
    ? denseMatrix(layer.outputs, layer.inputs, values)
    : transpose(denseMatrix(layer.inputs, layer.outputs, values));
  return alpha === 1 ? matrix : denseMatrix(matrix.rows, matrix.cols, times(matrix.data, alpha));
}

/** b with the factor beta, one value per output. */
export function layerBias({ layer, bias, beta }: OnnxLayer): Float32Array | undefined {
  if (bias === undefined) return undefined;
  const { tensor, names } = bias.source;
  const values = floatValues(tensor);
  requireFinite(tensor, `the bias '${names.at(-1)}' of layer '${layer.name}'`);
  const full = values.length === layer.outputs ? values : new Float32Array(layer.outputs).fill(values[0]!);
  return beta === 1 ? full : times(full, beta);
}

/** Weights `[outputs·span, inputs / groups]` and bias of any layer, a row per output and position of the filter. */
export function featureWeights({ layer, weights, layout, bias, product }: WeightedNode): NarrowedWeights {
  if (product !== undefined) return { weights: layerWeights(product), bias: layerBias(product) ?? null };
  const { outputs, span, name, groups } = layer;
  const inputs = layer.inputs / groups;
  const values = floatValues(weights.tensor);
  requireFinite(weights.tensor, `the weights of ${name}`);
  if (bias !== undefined) requireFinite(bias.source.tensor, `the bias of ${name}`);
  const matrix = denseMatrix(outputs * span, inputs);
  const order = weights.transposed ? OTHER[layout] : layout;
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      const from = startOf(layer, order, o, c);
      for (let s = 0; s < span; s++) matrix.data[(o * span + s) * inputs + c] = values[from + s]!;
    }
  }
  return { weights: matrix, bias: bias === undefined ? null : floatValues(bias.source.tensor) };
}

const OTHER: Readonly<Record<WeightLayout, WeightLayout>> = {
  'outputs first': 'inputs first',
  'inputs first': 'outputs first',
};

/**
 * Where a tensor of weights holds what output o reads of the cth input of its group: the first of `span` values.
 *
 * @param sizes `outputs` and `inputs` of all groups
 */
export function startOf(
  {
    outputs,
    inputs,
    span,
    groups,
  }: { readonly outputs: number; readonly inputs: number; readonly span: number; readonly groups: number },
  layout: WeightLayout,
  o: number,
  c: number,
): number {
  const [rows, columns] = [outputs / groups, inputs / groups];
  if (layout === 'outputs first') return (o * columns + c) * span;
  const group = Math.floor(o / rows);
  return ((group * columns + c) * rows + (o % rows)) * span;
}

function times(values: Float32Array, factor: number): Float32Array {
  return values.map((value) => value * factor);
}
