/** The columns of layers are clustered: each is pruned, clustered and formed anew, then the model is rewritten and proved. */
import { Pause, type Progress } from '../cancellation.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { offering } from '../format/select-layers.js';
import { releaseGram } from '../matrix/gram.js';
import { requireRunnable } from '../proof/compare-models.js';
import { verifyRewrite } from '../proof/verify-rewrite.js';
import { assembleModel, columnReductions } from './assemble-model.js';
import { clusterLayer } from './cluster-layer.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';
import { openEngine } from './open-engine.js';
import { overallProgress } from './overall-progress.js';
import { type PreparedLayer, prepareLayer } from './prepare-layer.js';

/** @param layers those to compress, in the order of the graph, each with its ratio; convolutions among them are offered first */
export async function compressColumns(
  source: Model,
  layers: readonly (readonly [FcLayer, number])[],
  options: ResolvedOptions,
): Promise<CompressedModel> {
  const model = offering(
    source,
    layers.map(([layer]) => layer),
  );
  const { clusterer, sparsity = 0, prove = true, signal, requireMemory, seed } = options;
  if (prove) await requireRunnable(model);
  const progress = overallProgress(
    layers.map(([layer]) => layer),
    options,
  );
  const { engine, release } = await openEngine(model, options.engine);
  try {
    const clustered = new Map<string, CompressedLayer>();
    const pruned = new Map<string, Omit<PreparedLayer, 'columns'>>();
    // Many small layers: none of them takes long enough to be interrupted.
    const pause = new Pause(signal);
    for (const [layer, ratio] of layers) {
      await pause.point();
      const own = { ...options, onProgress: (step: Progress) => progress.layer(layer, step) };
      const { columns, ...prepared } = await prepareLayer(model, layer, sparsity, engine, own);
      pruned.set(layer.name, prepared);
      clustered.set(layer.name, await clusterLayer({ ...prepared, columns }, clusterer, ratio, own));
      releaseGram(columns.gram);
      progress.layerDone(layer);
    }
    const assembled = await assembleModel(model, pruned, clustered, {
      ...options,
      engine,
      onProgress: (step) => progress.calibration(step),
    });
    const reductions = columnReductions(assembled.layers);
    const result = { ...assembled, reductions, calibration: options.calibration };
    if (!prove) {
      progress.done('assembling');
      return { ...result, proof: undefined };
    }
    progress.proof();
    const proof = await verifyRewrite(model, assembled, { seed, signal, requireMemory });
    progress.done('proof');
    return { ...result, proof };
  } finally {
    await release();
  }
}
