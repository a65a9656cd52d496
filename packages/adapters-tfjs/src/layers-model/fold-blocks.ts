/**
 * Moves the order of the blocks (see `cluster-blocks.ts`) to where the order of the clusters went: into the gather, or with the
 * folded order into the rows and parameters before the layer.
 */
import {
  type DenseMatrix,
  denseMatrix,
  type FeatureRewrite,
  type InputForm,
  type LayerRewrite,
  type ModelRewrite,
  planFold,
} from '@spherize/core';
import { type ClusterBlocks, dealOut, isIdentity } from './cluster-blocks.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** A rewrite whose input forms are in the order of the blocks. */
export interface BlockRewrite {
  readonly layers: readonly LayerRewrite[];
  readonly features: readonly FeatureRewrite[];
  /** The blocks of every layer that sums clusters. */
  readonly blocks: ReadonlyMap<string, ClusterBlocks>;
}

export function foldBlocks(facts: LayersModelFacts, rewrite: ModelRewrite): BlockRewrite {
  const layers = new Map(rewrite.layers.map((change) => [change.layer, change]));
  const features = new Map(rewrite.features.map((change) => [change.operation, change]));
  const blocks = new Map<string, ClusterBlocks>();
  for (const { layer: name, input } of rewrite.layers) {
    if (input === null || input.groups.every(({ size }) => size === 1)) continue;
    const dealt = dealOut(input.groups);
    blocks.set(name, dealt);
    const { members, clusters } = dealt;
    const change = layers.get(name)!;
    layers.set(name, {
      ...change,
      weights: withColumns(change.weights, clusters),
      input: reordered(input, members, foldOrder(facts, name, members, layers, features)),
    });
  }
  return { layers: [...layers.values()], features: [...features.values()], blocks };
}

function reordered(input: InputForm, members: Int32Array, folded: boolean): InputForm {
  const { gather, multiply } = input;
  const order = gather ? pickInts(gather, members) : members;
  return {
    ...input,
    gather: gather !== null || !(folded || isIdentity(members)) ? order : null,
    multiply: multiply && pick(multiply, members),
  };

  function pickInts(values: Int32Array, positions: Int32Array): Int32Array {
    return positions.map((position) => values[position]!);
  }
}

/** Reorders what precedes a layer. Returns whether it could: not when the layer gathers, or nothing takes its order. */
function foldOrder(
  facts: LayersModelFacts,
  name: string,
  members: Int32Array,
  layers: Map<string, LayerRewrite>,
  features: Map<string, FeatureRewrite>,
): boolean {
  if (isIdentity(members) || layers.get(name)!.input!.gather !== null) return false;
  const { layer } = facts.layer(name);
  const { orderInto, targetIsLayer, steps } = planFold(facts.description, layer.input, layer.inputs);
  if (orderInto === null) return false;
  const operations = [...steps.map(({ operation }) => operation), ...(targetIsLayer ? [] : [orderInto])];
  for (const operation of operations) {
    const before = features.get(operation) ?? { operation, order: null, scales: null };
    features.set(operation, {
      operation,
      order: before.order ? members.map((position) => before.order![position]!) : members,
      scales: before.scales && pick(before.scales, members),
    });
  }
  if (targetIsLayer) {
    const before = layers.get(orderInto) ?? {
      layer: orderInto,
      weights: facts.weightsOf(orderInto),
      bias: facts.biasOf(orderInto) ?? null,
      input: null,
    };
    layers.set(orderInto, {
      ...before,
      weights: withRows(before.weights, members),
      bias: before.bias && pick(before.bias, members),
    });
  }
  return true;
}

function pick(values: Float32Array, positions: Int32Array): Float32Array {
  return Float32Array.from(positions, (position) => values[position]!);
}

function withRows(matrix: DenseMatrix, order: Int32Array): DenseMatrix {
  const result = denseMatrix(order.length, matrix.cols);
  order.forEach((row, i) => {
    result.data.set(matrix.data.subarray(row * matrix.cols, (row + 1) * matrix.cols), i * matrix.cols);
  });
  return result;
}

function withColumns(matrix: DenseMatrix, order: Int32Array): DenseMatrix {
  const result = denseMatrix(matrix.rows, order.length);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < order.length; j++) {
      result.data[i * order.length + j] = matrix.data[i * matrix.cols + order[j]!]!;
    }
  }
  return result;
}
