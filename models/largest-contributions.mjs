/**
 * A clusterer to compare with: of each width those features stay that contribute most to the layers that read them, whatever they have in common.
 *
 *     spherize compress model.onnx --reduce neurons --ratio 0.3 --clusterer ./models/largest-contributions.mjs
 *
 * With `randomAssignment` in place of `l2Slice` they are chosen at random. Needs a build.
 */
import { l2Slice } from '../packages/core/dist/index.js';

export default {
  name: 'largest-contributions',
  contributions: true,
  cluster: (columns, k, options) => l2Slice.cluster(columns, k, options),
};
