/** The weights of layers in a narrower model: their rows and columns without those of the features that left. */
import type { FeatureLayer } from '../format/feature-flow.js';
import type { NarrowedWeights } from '../format/model-narrowing.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { NarrowedLayer } from './narrow.js';

/**
 * @param matrix `[outputs·span, inputs / groups]`
 * @param bias one value per output
 */
export function narrowedWeights(
  { outputs, inputs, span, groups }: FeatureLayer,
  matrix: DenseMatrix,
  bias: Float32Array | undefined,
  { rows, columns }: NarrowedLayer,
): NarrowedWeights {
  const kept = rows ?? Int32Array.from({ length: outputs }, (_, o) => o);
  const read = columns ?? Int32Array.from({ length: inputs }, (_, c) => c);
  const width = read.length / groups;
  const own = inputs / groups;
  const weights = denseMatrix(kept.length * span, width);
  for (const [o, output] of kept.entries()) {
    const group = Math.floor((output * groups) / outputs);
    for (let s = 0; s < span; s++) {
      const from = (output * span + s) * own;
      const to = (o * span + s) * width;
      for (let c = 0; c < width; c++) {
        weights.data[to + c] = matrix.data[from + read[group * width + c]! - group * own]!;
      }
    }
  }
  return { weights, bias: bias === undefined ? null : Float32Array.from(kept, (output) => bias[output]!) };
}

/**
 * The filters of the channels that are left of a depthwise convolution.
 *
 * @param channels places of the channels that are left
 */
export function narrowedFilters(
  { outputs, inputs, span }: FeatureLayer,
  matrix: DenseMatrix,
  bias: Float32Array | undefined,
  channels: Int32Array,
): NarrowedWeights {
  const multiplier = outputs / inputs;
  const kept = Int32Array.from(
    { length: channels.length * multiplier },
    (_, o) => channels[Math.floor(o / multiplier)]! * multiplier + (o % multiplier),
  );
  const weights = denseMatrix(kept.length * span, 1);
  for (const [o, output] of kept.entries())
    weights.data.set(matrix.data.subarray(output * span, (output + 1) * span), o * span);
  return { weights, bias: bias === undefined ? null : Float32Array.from(kept, (output) => bias[output]!) };
}
