/** W and b of a fully connected layer, whatever way the file stores them. */
import { type DenseMatrix, denseMatrix, type NarrowedWeights, transpose } from '@spherize/core';
import { floatValues } from '../proto/tensor-values.js';
import type { OnnxLayer } from './fc-layers.js';
import type { WeightedNode } from './feature-graph.js';
import { requireFinite } from './finite-weights.js';

/** W with the factor alpha, shape `[outputs, inputs]`; a view into the file when that is how it is stored. */
export function layerWeights({ layer, weights, outputsFirst, alpha }: OnnxLayer): DenseMatrix {
  const values = floatValues(weights.tensor);
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
export function featureWeights({ layer, node, weights, bias, product }: WeightedNode): NarrowedWeights {
  if (product !== undefined) return { weights: layerWeights(product), bias: layerBias(product) ?? null };
  const { outputs, span, name } = layer;
  const inputs = layer.inputs / layer.groups;
  const values = floatValues(weights.tensor);
  requireFinite(weights.tensor, `the filters of ${name}`);
  const matrix = denseMatrix(outputs * span, inputs);
  const back = node.opType === 'ConvTranspose';
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      const from = (back ? c * outputs + o : o * inputs + c) * span;
      for (let s = 0; s < span; s++) matrix.data[(o * span + s) * inputs + c] = values[from + s]!;
    }
  }
  return { weights: matrix, bias: bias === undefined ? null : floatValues(bias.source.tensor) };
}

function times(values: Float32Array, factor: number): Float32Array {
  return values.map((value) => value * factor);
}
