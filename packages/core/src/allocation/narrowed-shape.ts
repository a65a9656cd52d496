/** Models of the shapes that shares of their widths leave: which features stay does not matter to what they cost. */
import type { Model } from '../format/model-format.js';
import { NarrowedNetwork } from '../neurons/narrowed-network.js';
import { keptFeatures } from '../neurons/reduce-neurons.js';
import { leavingFeatures, placesOfBlocks } from '../neurons/width-places.js';
import { requireFeatures } from '../widths/require-features.js';

/** Of every block the first features stay, with their weights as they are. */
export function narrowedShape(model: Model, ratios: ReadonlyMap<string, number>, roundTo?: number): Model {
  const network = new NarrowedNetwork(requireFeatures(model), model.graph);
  for (const width of network.widths.widths) {
    const ratio = ratios.get(width.name);
    if (ratio === undefined) continue;
    const keep = keptFeatures(width, ratio, roundTo);
    network.remove(
      leavingFeatures(
        width,
        placesOfBlocks(width).flatMap((block) => [...block.slice(0, keep)]),
      ),
    );
  }
  return network.model();
}
