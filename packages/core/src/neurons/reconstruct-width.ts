/** Layers that make a width and those that read it, fitted together once features have left it. */
import type { FeatureLayer } from '../format/feature-flow.js';
import type { NarrowedWeights } from '../format/model-narrowing.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { DepthwiseFilters } from '../reconstruction/between.js';
import type { BlockNetworks } from '../reconstruction/block-samples.js';
import { reconstructBlock } from '../reconstruction/reconstruct-block.js';
import type { WidthBlock } from '../reconstruction/width-block.js';
import { narrowedFilters, narrowedWeights } from '../widths/narrowed-weights.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** Changes the network's layers of a block where something better is found, see `reconstructBlock`. */
export async function reconstructWidth(
  network: NarrowedNetwork,
  block: WidthBlock,
  others: Omit<BlockNetworks, 'model' | 'teachers' | 'filters'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const layers = [...block.makers, ...block.readers].map(({ layer }) => layer);
  const start = layers.map((layer) => weightsLeft(network, layer));
  const teachers = block.readers.map(({ layer }) => {
    const { rows } = leftOf(network, layer);
    const { weights, bias } = network.originalWeights(layer.name);
    return withBias(layer, narrowedWeights(layer, weights, bias ?? undefined, { rows, columns: null }));
  });
  const filters = block.depthwise.map(({ layer }) => filtersLeft(network, layer));
  const networks = { ...others, model: network.model(), teachers, filters };
  const found = await reconstructBlock(block, start, networks, signal);
  for (const [l, weights] of found?.entries() ?? []) replaceLeft(network, layers[l]!, weights);
}

/** Places in rows and columns of a layer that are left; null for all. */
function leftOf(
  network: NarrowedNetwork,
  { name }: FeatureLayer,
): { rows: Int32Array | null; columns: Int32Array | null } {
  return network.narrowing.layers.get(name) ?? { rows: null, columns: null };
}

/** What is left of a layer's weights, with its bias: shape `[outputs, span·inputs + 1]`. */
function weightsLeft(network: NarrowedNetwork, layer: FeatureLayer): DenseMatrix {
  const { weights, bias } = network.weights(layer.name);
  return withBias(layer, narrowedWeights(layer, weights, bias ?? undefined, leftOf(network, layer)));
}

/** What is left of a depthwise convolution. */
function filtersLeft(network: NarrowedNetwork, layer: FeatureLayer): DepthwiseFilters {
  const { weights, bias } = network.weights(layer.name);
  const channels = network.narrowing.filters.get(layer.name);
  const kept = channels ?? Int32Array.from({ length: layer.inputs }, (_, c) => c);
  const left = narrowedFilters(layer, weights, bias ?? undefined, kept);
  return { weights: denseMatrix(kept.length, layer.span, left.weights.data), bias: left.bias };
}

/** W over what a filter sees and b side by side. */
function withBias({ span }: FeatureLayer, { weights, bias }: NarrowedWeights): DenseMatrix {
  const width = weights.cols * span;
  const result = denseMatrix(weights.rows / span, width + 1);
  for (let o = 0; o < result.rows; o++) {
    result.data.set(weights.data.subarray(o * width, (o + 1) * width), o * (width + 1));
    result.data[o * (width + 1) + width] = bias?.[o] ?? 0;
  }
  return result;
}

/** Puts them back among those that have left. */
function replaceLeft(network: NarrowedNetwork, layer: FeatureLayer, { cols, data }: DenseMatrix): void {
  const { weights, bias } = network.weights(layer.name);
  const { rows, columns } = leftOf(network, layer);
  const kept = rows ?? Int32Array.from({ length: layer.outputs }, (_, o) => o);
  const read = columns ?? Int32Array.from({ length: layer.inputs }, (_, c) => c);
  const values = weights.data.slice();
  const added = bias?.slice() ?? null;
  for (const [o, output] of kept.entries()) {
    for (let s = 0; s < layer.span; s++)
      for (const [c, column] of read.entries())
        values[(output * layer.span + s) * layer.inputs + column] = data[o * cols + s * read.length + c]!;
    if (added !== null) added[output] = data[o * cols + cols - 1]!;
  }
  network.refit(layer.name, { weights: { ...weights, data: values }, bias: added });
}
