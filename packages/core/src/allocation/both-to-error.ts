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
import { amountsOf } from './amounts.js';
import { columnCurves, measureColumns, pathOfColumns } from './column-path.js';
import { columnsToError, type ErrorReached } from './columns-to-error.js';
import { placeOfLoss } from './furthest-within.js';
import { type NarrowToTargetOptions, narrowToTarget } from './narrow-to-target.js';
import { LANES, narrowingCurves } from './narrowing-path.js';
import type { SavingCurve } from './savings.js';

/** Where measuring of columns ends, about, that of widths, and the search for the widths; the search for the columns takes the rest. */
const [COLUMNS, WIDTHS, NARROWED] = [0.15, 0.4, 0.6];

/** Refits of the widths: what they miss of their share of the error is left to the columns. */
const CANDIDATES = 2;

/** Rounds after which the shares of what is left are taken to be settled, and the least that is taken to be left of an amount. */
const [ROUNDS, LEAST_LEFT] = [6, 0.01];

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
    const amounts = await amountsOf(model, { maxError }, widths, narrowing);
    const measuring = { inputs, amounts, signal, onProgress: partOf(onProgress, 0, COLUMNS) };
    let trials = await openTrials(model);
    const measured = await measureColumns(trials, measuring);
    const curves = await narrowingCurves(model, widths, {
      ...narrowing,
      amounts,
      onProgress: partOf(onProgress, COLUMNS, WIDTHS),
    });
    const ratios = sharedOut([...curves, ...columnCurves(measured)], maxError);
    const narrowed = await narrowToTarget(
      model,
      { maxError: lossOf(curves, ratios) },
      {
        ...given,
        ...narrowing,
        calibration: made,
        layers: widths.map(({ name }) => name),
        path: pathOfCurves(curves),
        candidates: CANDIDATES,
        onProgress: partOf(onProgress, WIDTHS, NARROWED),
      },
    );
    // What was prepared holds only where nothing left.
    if (narrowed.result.reductions.some(({ from, to }) => to < from))
      trials = await openTrials(narrowed.result.model);
    const { result, reached } = await columnsToError(trials, maxError, {
      inputs,
      path: pathOfColumns(measured),
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

/**
 * Ratios that together lose so much, and save most: a share of what is left counts, not of what there was, so that a tenth of what has become small
 * counts as much as a tenth of what is large. What is left depends on the ratios, and is found in a few rounds.
 */
function sharedOut(curves: readonly SavingCurve[], maxError: number): ReadonlyMap<string, number> {
  let ratios: ReadonlyMap<string, number> = new Map();
  const saved = (i: number): number =>
    curves.reduce((sum, { layer, savings }) => sum + (ratios.get(layer) ?? 0) * savings[i]!, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const priced = curves.flatMap((curve) => {
      const cost = curve.savings.reduce(
        (sum, share, i) => sum + share / Math.max(LEAST_LEFT, 1 - saved(i)),
        0,
      );
      return cost > 0 ? [{ ...curve, cost }] : [];
    });
    const path = pathOfCurves(priced);
    ratios = path(placeOfLoss((at) => path(at).loss, maxError)).ratios;
  }
  return ratios;
}
