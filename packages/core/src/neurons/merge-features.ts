/** A width becomes narrower without any inputs: features are clustered by the weights that make them. */
import type { Clusterer } from '../clustering/clusterer.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Width } from '../widths/find-widths.js';
import { chooseByClusters } from './choose-features.js';
import type { NarrowedNetwork } from './narrowed-network.js';
import { keepPairs, weightsThatMake } from './paired-features.js';
import { blocksByReading, featuresOf, leavingFeatures, occurrences } from './width-places.js';

export interface MergeOptions {
  readonly engine: MatrixEngine;
  readonly clusterer: Clusterer;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Without data: what leaves is given to the feature of its cluster. */
export async function mergeFeatures(
  network: NarrowedNetwork,
  width: Width,
  keep: number,
  { clusterer, engine, seed, signal }: MergeOptions,
): Promise<void> {
  const features = featuresOf(width);
  const { read, unread } = blocksByReading(network, width);
  const made = weightsThatMake(network, width);
  const clusters = await chooseByClusters(made, read, keep, clusterer, engine, {
    seed,
    signal,
  });
  const kept = [...clusters.kept, ...keepPairs(network, width, unread, keep)];
  const { merges } = clusters;
  for (const reader of width.consumers) {
    const { weights, bias } = network.weights(reader);
    const { groups } = network.layer(reader);
    // Columns of a grouped convolution are read by its own group alone: nobody takes over what leaves.
    if (groups > 1) continue;
    const merged = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    const columns = occurrences(network.columns(reader));
    for (const { feature, substitute, factor } of merges) {
      const [from, to] = [columns.get(features[feature]!), columns.get(features[substitute]!)];
      for (const [nth, column] of (from ?? []).entries()) {
        for (let row = 0; row < weights.rows; row++) {
          const at = row * weights.cols;
          merged.data[at + to![nth]!] = merged.data[at + to![nth]!]! + factor * weights.data[at + column]!;
        }
      }
    }
    network.refit(reader, { weights: merged, bias });
  }
  network.remove(leavingFeatures(width, kept));
}
