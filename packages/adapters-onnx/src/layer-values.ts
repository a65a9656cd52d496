/** W and b of a fully connected layer, whatever way the file stores them. */
import { type DenseMatrix, denseMatrix, transpose } from '@spherize/core';
import type { OnnxLayer } from './fc-layers.js';
import { requireFinite } from './finite-weights.js';
import { floatValues } from './tensor-values.js';

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

function times(values: Float32Array, factor: number): Float32Array {
  return values.map((value) => value * factor);
}
