/** Models of the shapes that shares of their widths leave: which features stay does not matter to what they cost. */
import { MOST_COLUMNS } from '../calibration/moments.js';
import type { FeatureLayer } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import { type FullWeights, NarrowedNetwork } from '../neurons/narrowed-network.js';
import { keptFeatures } from '../neurons/reduce-neurons.js';
import { leavingFeatures, placesOfBlocks } from '../neurons/width-places.js';
import { requireFeatures } from '../widths/require-features.js';

/**
 * Of every block the first features stay, with their weights as they are; but no zeros stay among those that a refit would change.
 *
 * @param changed layers that are going to have other weights besides
 */
export function narrowedShape(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  roundTo?: number,
  changed: Iterable<string> = [],
): Model {
  const network = new NarrowedNetwork(requireFeatures(model), model.graph);
  const refitted = new Set(changed);
  for (const width of network.widths.widths) {
    const ratio = ratios.get(width.name);
    if (ratio === undefined) continue;
    const keep = keptFeatures(width, ratio, roundTo);
    if (keep === width.blocks[0]!.length) continue;
    for (const name of width.consumers) refitted.add(name);
    network.remove(
      leavingFeatures(
        width,
        placesOfBlocks(width).flatMap((block) => [...block.slice(0, keep)]),
      ),
    );
  }
  if (refitted.size > 0)
    for (const name of model.storage?.withoutZeros?.('int8').keys() ?? [])
      if (refitted.has(name) || columnsOf(network.layer(name)) <= MOST_COLUMNS)
        network.refit(name, withoutZeros(network.weights(name)));
  return network.model();
}

function columnsOf({ inputs, groups, span }: FeatureLayer): number {
  return (span * inputs) / groups;
}

function withoutZeros({ weights, bias }: FullWeights): FullWeights {
  const { rows, cols, data } = weights;
  return {
    weights: denseMatrix(
      rows,
      cols,
      data.map((value) => value || 1),
    ),
    bias,
  };
}
