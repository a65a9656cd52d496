/** Widths and columns to one error of the outputs: what each gets of it is what the other would save less with. */
import { partOf } from '../cancellation.js';
import { rankOne } from '../clustering/rank-one.js';
import type { Model } from '../format/model-format.js';
import { clusteredAfter } from '../pipeline/compress-both.js';
import type { CompressedModel } from '../pipeline/compressed-model.js';
import { defaultCalibration } from '../pipeline/default-calibration.js';
import { openEngine } from '../pipeline/open-engine.js';
import { Trials } from '../trials/trials.js';
import { selectBoth } from '../widths/select-both.js';
import { lossOf, pathOfCurves } from './allocate-ratios.js';
import { measureBoth, pathOfBoth } from './both-path.js';
import { pathOfColumns } from './column-path.js';
import { columnsToError, type ErrorReached } from './columns-to-error.js';
import { placeOfLoss } from './furthest-within.js';
import { type NarrowToTargetOptions, narrowToTarget } from './narrow-to-target.js';
import { LANES } from './narrowing-path.js';

/** Where measuring ends, about, and the search for the widths; the search for the columns takes the rest. */
const [MEASURED, NARROWED] = [0.4, 0.6];

/** Refits of the widths: what they miss of their share of the error is left to the columns. */
const CANDIDATES = 2;

/** How the error is kept. */
export type BothToErrorOptions = Omit<NarrowToTargetOptions, 'reduce' | 'path' | 'data'>;

/**
 * The least that is left of a model whose outputs are near enough, about: columns of the fully connected layers of one product per sample, and
 * features of the widths that none of them reads, see `selectBoth`. Widths and layers are measured alone, and share the error where the last bit of it
 * saves as much in both (Lagrange). The widths become narrower first; what they and the columns together do to the outputs is what the search for the
 * columns sees. The result is proved, as `compressModel` does.
 *
 * @param maxError see `OutputFidelity`
 * @throws InputError and ProofError as `selectBoth` and `compressModel` do
 */
export async function bothToError(
  model: Model,
  maxError: number,
  { layers: names, widths: meant, storage, inputs, latencyModel, ...given }: BothToErrorOptions,
): Promise<{ result: CompressedModel; reached: ErrorReached }> {
  const { layers, widths } = selectBoth(model, names, meant);
  const { engine: own, signal, onProgress, seed = 0, clusterer = rankOne, roundTo, memory } = given;
  const made = given.calibration ?? (await defaultCalibration(model, seed));
  const calibration = made === 'none' ? undefined : made;
  const { engine, release } = await openEngine(model, own);
  try {
    const shared = { engine, seed, memory, calibration, inputs, signal };
    const openTrials = (of: Model): Promise<Trials> =>
      Trials.open(of, { ...shared, clusterer, roundTo, layers: layers.map(({ name }) => name) });
    const narrowing = { ...shared, roundTo: roundTo ?? LANES, latencyModel };
    let trials = await openTrials(model);
    const measuring = { ...narrowing, onProgress: partOf(onProgress, 0, MEASURED) };
    const measured = await measureBoth(trials, widths, measuring);
    const path = pathOfBoth(measured);
    const { ratios } = path(placeOfLoss((at) => path(at).loss, maxError));
    const narrowed = await narrowToTarget(
      model,
      { maxError: lossOf(measured.widths, ratios) },
      {
        ...given,
        ...narrowing,
        calibration: made,
        layers: widths.map(({ name }) => name),
        path: pathOfCurves(measured.widths),
        candidates: CANDIDATES,
        onProgress: partOf(onProgress, MEASURED, NARROWED),
      },
    );
    // What was prepared holds only where nothing left.
    if (narrowed.result.reductions.some(({ from, to }) => to < from))
      trials = await openTrials(narrowed.result.model);
    const { result, reached } = await columnsToError(trials, maxError, {
      inputs,
      path: pathOfColumns(measured.layers),
      original: model,
      storage,
      seed,
      requireMemory: given.requireMemory,
      signal,
      onProgress: partOf(onProgress, NARROWED, 1),
    });
    return { result: clusteredAfter(narrowed.result, result), reached };
  } finally {
    await release();
  }
}
