/** Weights of any layout as matrices `[outputs·span, inputs / groups]`, and back. */
import { type DenseMatrix, denseMatrix, type NarrowedWeights } from '@spherize/core';
import { floatValues } from '../artifacts/weights.js';
import { axesInOrder, ordered } from './axis-order.js';
import { layerWeights } from './fc-layers.js';
import type { GraphModelFeatureGraph, WeightedNode } from './feature-graph.js';
import type { AxisRole } from './operations/flow.js';

export function featureWeights(features: GraphModelFeatureGraph, name: string): NarrowedWeights {
  const { layer, source, roles, bias, product } = features.weighted(name);
  const values = product ? layerWeights(product).data : floatValues(source.weight);
  const shape = source.weight.spec.shape;
  const data = product ? values : ordered(values, shape, axesInOrder(roles));
  const rows = layer.outputs * layer.span;
  return {
    weights: denseMatrix(rows, data.length / rows, data),
    bias: bias ? floatValues(bias.source.weight) : null,
  };
}

/** The weights of a matrix in the layout of those that they replace; undefined where their number does not fit to it. */
export function layoutOf(
  { layer, source, roles }: WeightedNode,
  { rows, cols, data }: DenseMatrix,
): { shape: number[]; values: Float32Array } | undefined {
  const before = source.weight.spec.shape;
  const shape = [...before];
  const counts: readonly [AxisRole, number][] = [
    ['output', rows / layer.span],
    ['input', cols],
  ];
  for (const [role, count] of counts) {
    const axes = [...roles.keys()].filter((axis) => roles[axis] === role);
    // Channels of depthwise filters come first; of several axes otherwise the last is the one within a block.
    const shrinks = roles.includes('input') ? axes.at(-1) : axes[0];
    if (shrinks === undefined) continue;
    const rest = axes.filter((axis) => axis !== shrinks).reduce((all, axis) => all * before[axis]!, 1);
    if (count % rest !== 0) return undefined;
    shape[shrinks] = count / rest;
  }
  const axes = axesInOrder(roles);
  const back = axes.map((_, axis) => axes.indexOf(axis));
  const sizes = axes.map((axis) => shape[axis]!);
  return { shape, values: ordered(data, sizes, back) };
}
