/** The way of a whole model: every chosen layer is pruned, clustered and formed anew, then the model is rewritten and proved. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { type LongRunOptions, Pause, type Progress } from '../cancellation.js';
import type { PrepareOptions } from '../clustering/cluster-columns.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { rankOne } from '../clustering/rank-one.js';
import { clustersForRatio } from '../compression/column-reduction.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import type { RewriteOptions } from '../compression/plan-rewrite.js';
import { InputError } from '../errors.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { selectLayers } from '../format/select-layers.js';
import { releaseGram } from '../matrix/gram.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import { requireRunnable, type Verification, verifyRewrite } from '../proof/verify-rewrite.js';
import { type AssembledModel, assembleModel } from './assemble-model.js';
import { type ClusterLayerOptions, clusterLayer } from './cluster-layer.js';
import { openEngine } from './open-engine.js';
import { overallProgress } from './overall-progress.js';
import { type PreparedLayer, prepareLayer } from './prepare-layer.js';
import { suggestedName } from './suggested-name.js';

/** Ratios by layer: a plain object or a `Map`. */
export type RatiosByLayer = Readonly<Record<string, number>> | ReadonlyMap<string, number>;

/** What is to be compressed, how far and how. Everything but the ratio has a default. */
export interface CompressModelOptions
  extends ClusterLayerOptions,
    PrepareOptions,
    LongRunOptions,
    RewriteOptions {
  /** ρ in [0, 1) for all layers, or by layer name. */
  readonly ratio: number | RatiosByLayer;
  /**
   * Default `rankOne`: the best non-negative fit of each cluster in squared error. Of the clusterers that come with core it
   * keeps most accuracy once the layers are refitted, and none is ahead of it everywhere without.
   */
  readonly clusterer?: Clusterer | undefined;
  /** Multiplies large matrices. Default: the engine of the model's format, or else the portable one. */
  readonly engine?: MatrixEngine | undefined;
  /** Names of the layers to compress. Default: those with a ratio. */
  readonly layers?: readonly string[] | undefined;
  /** Zeroes the smallest weights first, up to this share of each layer. Default 0: as the model is. */
  readonly sparsity?: number | undefined;
  /** Unlabelled inputs on which the clustered layers are refitted to the original's outputs. Default: none. */
  readonly calibration?: CalibrationInputs | undefined;
  /** Whether the result is run against its reference, see `verifyRewrite`. Default yes. */
  readonly prove?: boolean | undefined;
  /** Asked before the inputs of the proof are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** A model that was compressed and proved. */
export interface CompressedModel extends AssembledModel {
  /** What running it against its reference found; undefined only where `prove` is false. */
  readonly proof: Verification | undefined;
}

/** Every option by name; the compiler sees to it that none is missing. */
const OPTIONS: Readonly<Record<keyof CompressModelOptions, true>> = {
  ratio: true,
  layers: true,
  clusterer: true,
  engine: true,
  sparsity: true,
  roundTo: true,
  seed: true,
  weights: true,
  memory: true,
  shared: true,
  calibration: true,
  folding: true,
  explicitScales: true,
  prove: true,
  requireMemory: true,
  signal: true,
  onProgress: true,
};

/**
 * Compresses the fully connected layers of a model, and runs the result against its reference: what is returned can be written.
 *
 * Progress names the layer at hand, and `share` is how much of the whole call is done.
 *
 * @throws InputError for unknown options and layers, ratios outside [0, 1), weights that are not finite, or a model that its runtime does
 * not take
 * @throws ProofError when the result deviates by more than rounding explains; see `verifyRewrite`
 *
 * @example
 * const { model: smaller, proof } = await compressModel(model, { ratio: 0.5 });
 * const { layers } = await compressModel(model, { ratio: { fc6: 0.9, fc7: 0.5 }, clusterer: spherical });
 */
export async function compressModel(model: Model, options: CompressModelOptions): Promise<CompressedModel> {
  requireKnownOptions(options);
  const { ratio, clusterer = rankOne, sparsity = 0, prove = true, signal, requireMemory, seed } = options;
  const { names, of: ratioOf } = ratiosOf(model, ratio);
  const layers = selectLayers(model, options.layers ?? names);
  if (prove) await requireRunnable(model);
  const progress = overallProgress(layers, options);
  const { engine, release } = await openEngine(model, options.engine);
  try {
    const clustered = new Map<string, CompressedLayer>();
    const pruned = new Map<string, Omit<PreparedLayer, 'columns'>>();
    // Many small layers: none of them takes long enough to be interrupted.
    const pause = new Pause(signal);
    for (const layer of layers) {
      await pause.point();
      const own = { ...options, onProgress: (step: Progress) => progress.layer(layer, step) };
      const { columns, ...prepared } = await prepareLayer(model, layer, sparsity, engine, own);
      pruned.set(layer.name, prepared);
      clustered.set(layer.name, await clusterLayer({ ...prepared, columns }, clusterer, ratioOf(layer), own));
      releaseGram(columns.gram);
      progress.layerDone(layer);
    }
    const assembled = await assembleModel(model, pruned, clustered, {
      ...options,
      engine,
      onProgress: (step) => progress.calibration(step),
    });
    if (!prove) {
      progress.done('assembling');
      return { ...assembled, proof: undefined };
    }
    progress.proof();
    const proof = await verifyRewrite(model, assembled, { seed, signal, requireMemory });
    progress.done('proof');
    return { ...assembled, proof };
  } finally {
    await release();
  }
}

function requireKnownOptions(options: CompressModelOptions): void {
  const known = Object.keys(OPTIONS);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = suggestedName(unknown, known);
  throw new InputError(
    'UNKNOWN_NAME',
    `compressModel: unknown option '${unknown}'${nearest ? `: did you mean '${nearest}'?` : `, expected one of ${known.join(', ')}`}`,
  );
}

/** The layers that ratios name, if any do, and the ratio of each layer. */
function ratiosOf(
  model: Model,
  ratio: CompressModelOptions['ratio'],
): { names: readonly string[] | undefined; of: (layer: FcLayer) => number } {
  if (typeof ratio === 'number') {
    clustersForRatio(1, ratio);
    return { names: undefined, of: () => ratio };
  }
  if (typeof ratio !== 'object' || ratio === null)
    throw new InputError(
      'BAD_ARGUMENT',
      `expected a number in [0, 1), or one for each of some layers, got ${ratio === undefined ? 'nothing' : String(ratio)}`,
      { option: 'ratio' },
    );
  const given = [...(ratio instanceof Map ? ratio : Object.entries(ratio))] as [string, number][];
  if (given.length === 0)
    throw new InputError('BAD_ARGUMENT', 'names no layer: give each layer to compress its ratio', {
      option: 'ratio',
    });
  const byLayer = new Map<string, number>();
  for (const [name, value] of given) {
    if (typeof value !== 'number')
      throw new InputError(
        'BAD_ARGUMENT',
        `expected a number in [0, 1) for layer '${name}', got ${String(value)}`,
        { option: 'ratio' },
      );
    clustersForRatio(1, value);
    for (const layer of selectLayers(model, [name])) byLayer.set(layer.name, value);
  }
  return { names: given.map(([name]) => name), of: ({ name }) => byLayer.get(name) ?? 0 };
}
