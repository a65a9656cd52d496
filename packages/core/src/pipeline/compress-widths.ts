/** Widths become narrower: neurons, channels and value dimensions leave the model, which is then run against its reference. */
import { partOf } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import { type PrincipalFeatures, principalFeatures } from '../neurons/principal-features.js';
import { keptFeatures, reduceNeurons } from '../neurons/reduce-neurons.js';
import { compareModels, requireRunnable } from '../proof/compare-models.js';
import { findWidths } from '../widths/find-widths.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';
import { type OpenEngine, openEngine } from './open-engine.js';

/** Share of the time that the widths take, about; the proof takes the rest. */
const WIDTHS = 0.95;

/**
 * @param ratios share of its features that leaves each width, by name, in [0, 1)
 * @throws ProofError when the result deviates from the original with zeros for what left; see `compareModels`
 */
export async function compressWidths(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  options: ResolvedOptions,
): Promise<CompressedModel> {
  const { prove = true, seed, signal, requireMemory, onProgress, calibration } = options;
  if (prove) await requireRunnable(model);
  const total = prove ? WIDTHS : 1;
  const { engine, release } = await openEngine(model, options.engine);
  try {
    const { model: turned, ordered } = await turnedFor(model, ratios, { ...options, engine });
    const narrowed = await reduceNeurons(turned, ratios, {
      ...options,
      ordered,
      engine,
      inputs: calibration,
      onProgress: partOf(onProgress, 0, total),
    });
    const { model: narrower, masked, reductions } = narrowed;
    const result = { model: narrower, reductions, calibration, layers: [], compressed: new Map() };
    if (!prove) return { ...result, proof: undefined };
    onProgress?.({ phase: 'proof', done: 0, total: 1, share: total });
    const reference = reductions.every(({ from, to }) => from === to)
      ? ({ form: 'original', model: () => model } as const)
      : ({ form: 'masked form', model: masked } as const);
    const proof = await compareModels(model, narrower, reference, { seed, signal, requireMemory });
    onProgress?.({ phase: 'proof', done: 1, total: 1, share: 1 });
    return { ...result, proof };
  } finally {
    await release();
  }
}

/** The model with other features where some between linear layers are going to leave. */
async function turnedFor(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  { calibration, engine, roundTo, seed, signal }: ResolvedOptions & Pick<OpenEngine, 'engine'>,
): Promise<PrincipalFeatures> {
  if (calibration === undefined) return { model, ordered: new Map() };
  const narrower = findWidths(model.graph).widths.filter((width) => {
    const ratio = ratios.get(width.name);
    return ratio !== undefined && keptFeatures(width, ratio, roundTo) < width.blocks[0]!.length;
  });
  return principalFeatures(model, narrower, calibration, { engine, seed, signal });
}
