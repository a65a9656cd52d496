import { clustersForRatio } from '../compression/column-reduction.js';
import { spanOf } from '../format/filter-window.js';
import type { Model } from '../format/model-format.js';
import type { LayerRewrite } from '../format/model-rewrite.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { PreparedLayer } from '../pipeline/prepare-layer.js';
import { lowRankApproximation, rankForClusters } from '../reference/low-rank.js';
import type { LayerFigures } from './results.js';
import type { SweepSetting } from './settings.js';

/**
 * The model with every layer's matrix replaced by its truncated singular value decomposition with as many weights as the clusters
 * would have. The product of the two factors stands in for them: the outputs are the same, and `parameters` counts the factors.
 */
export async function withLowRankWeights(
  model: Model,
  prepared: readonly PreparedLayer[],
  { ratio, seed }: Pick<SweepSetting, 'ratio' | 'seed'>,
  engine: MatrixEngine,
): Promise<{ rewritten: Model; figures: LayerFigures[]; parameters: number }> {
  const layers: LayerRewrite[] = [];
  const figures: LayerFigures[] = [];
  let saved = 0;
  for (const { layer, weights } of prepared) {
    const { name, inputs } = layer;
    const outputs = layer.outputs * spanOf(layer);
    const clusters = clustersForRatio(inputs, ratio);
    const rank = rankForClusters(outputs, inputs, clusters);
    const approximation = await lowRankApproximation(weights, rank, engine, seed);
    layers.push({ layer: name, weights: approximation, bias: model.bias(name) ?? null, input: null });
    figures.push({
      name,
      clusters,
      ratio: 1 - clusters / inputs,
      relativeError: relativeDifference(weights.data, approximation.data),
    });
    saved += outputs * inputs - rank * (outputs + inputs);
  }
  const rewritten = model.rewrite({ layers, features: [] });
  return { rewritten, figures, parameters: rewritten.parameters - saved };
}

/** `‖W − Ŵ‖_F / ‖W‖_F`. */
function relativeDifference(weights: Float32Array, approximation: Float32Array): number {
  let error = 0;
  let norm = 0;
  for (let p = 0; p < weights.length; p++) {
    error += (weights[p]! - approximation[p]!) ** 2;
    norm += weights[p]! ** 2;
  }
  return norm === 0 ? 0 : Math.sqrt(error / norm);
}
