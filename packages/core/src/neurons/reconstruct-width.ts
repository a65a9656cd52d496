/** Layers that make a width and those that read it, fitted together once features have left it. */
import type { FeatureLayer } from '../format/feature-flow.js';
import type { NarrowedWeights } from '../format/model-narrowing.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { BlockNetworks } from '../reconstruction/block-samples.js';
import { reconstructBlock } from '../reconstruction/reconstruct-block.js';
import type { WidthBlock } from '../reconstruction/width-block.js';
import { narrowedWeights } from '../widths/narrowed-weights.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** Changes the network's layers of a block where something better is found, see `reconstructBlock`. */
export async function reconstructWidth(
  network: NarrowedNetwork,
  block: WidthBlock,
  others: Omit<BlockNetworks, 'model' | 'teachers' | 'filters'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const layers = [...block.makers, ...block.readers].map(({ layer }) => layer);
  const start = layers.map((layer) => withBias(layer, network.weightsLeft(layer.name)));
  const teachers = block.readers.map(({ layer }) => {
    const { rows } = network.left(layer.name);
    const { weights, bias } = network.originalWeights(layer.name);
    return withBias(layer, narrowedWeights(layer, weights, bias ?? undefined, { rows, columns: null }));
  });
  const filters = block.depthwise.map(({ layer }) => {
    const { weights, bias } = network.filtersLeft(layer.name);
    return { weights: denseMatrix(weights.rows / layer.span, layer.span, weights.data), bias };
  });
  const networks = { ...others, model: network.model(), teachers, filters };
  const found = await reconstructBlock(block, start, networks, signal);
  for (const [l, weights] of found?.entries() ?? []) replaceLeft(network, layers[l]!, weights);
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
  const { rows, columns } = network.left(layer.name);
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
