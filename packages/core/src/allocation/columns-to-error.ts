/** Columns to an error of the outputs: found by compressing each layer alone, and then all of them a few times. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { partOf } from '../cancellation.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Model } from '../format/model-format.js';
import type { WeightType } from '../format/weight-storage.js';
import type { CompressedModel } from '../pipeline/compressed-model.js';
import { requireRunnable } from '../proof/compare-models.js';
import { type ProveTrialOptions, provedTrial } from '../trials/proved-trial.js';
import type { Trials } from '../trials/trials.js';
import { type ColumnPath, columnPath } from './column-path.js';
import { columnsWith } from './columns-with.js';
import { furthestWithin } from './furthest-within.js';

const MOST_CANDIDATES = 5;
/** Of the error that is allowed. */
const ENOUGH = 0.8;
/** What measuring layers takes of the time, about. */
const MEASURING = 0.3;

export interface ColumnsToErrorOptions extends ProveTrialOptions {
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
  /** The path to follow. Default: `columnPath` */
  readonly path?: ColumnPath | undefined;
  /** The model whose outputs are to be kept. Default: that of the trials. */
  readonly original?: Model | undefined;
  /** How the result will be stored: candidates are measured so, rounded to the nearest. Default: as the model is. */
  readonly storage?: WeightType | undefined;
}

/** How the error was met. */
export interface ErrorReached {
  readonly maxError: number;
  readonly reached: number;
}

/**
 * The fewest columns with which the outputs are near enough, about: every layer loses what costs the outputs least, see `columnPath`, by what it
 * loses alone at two ratios, since curves of each would take many times as long. The result is proved, see `verifyRewrite`.
 *
 * @param maxError see `OutputFidelity`
 * @returns a result without layers that change where no ratios that were tried keep the error
 * @throws ProofError as `verifyRewrite` does
 */
export async function columnsToError(
  trials: Trials,
  maxError: number,
  { inputs, path: known, original = trials.model, storage, ...options }: ColumnsToErrorOptions,
): Promise<{ result: CompressedModel; reached: ErrorReached }> {
  const { signal, onProgress } = options;
  const { model, layers } = trials;
  await requireRunnable(model);
  const measuring = known === undefined ? MEASURING : 0;
  const path =
    known ?? (await columnPath(trials, { inputs, signal, onProgress: partOf(onProgress, 0, measuring) }));
  const recorded = await recordOutputs(original, inputs, { signal });
  let tried = 0;
  const at = async (place: number) => {
    signal?.throwIfAborted();
    onProgress?.({
      phase: 'target',
      done: tried,
      total: MOST_CANDIDATES,
      share: measuring + ((1 - measuring) * tried++) / (MOST_CANDIDATES + 1),
    });
    const { tail, whole } = await columnsWith(trials, path(place).ratios);
    const { model: written } = (storage && whole.model.storage?.store(storage)) ?? whole;
    const error = (await fidelityTo(recorded, written, { signal })).outputError ?? 0;
    return { tail, whole, error };
  };
  // What has left before counts as well.
  const before = original === model ? 0 : ((await fidelityTo(recorded, model, { signal })).outputError ?? 0);
  const unchanged = async () => {
    const tail = await trials.assemble(new Map());
    return { tail, whole: await trials.whole(tail.compressed), error: before };
  };
  const leaves = (place: number): string => {
    const { ratios } = path(place);
    return layers.map((layer) => trials.clusters(layer, ratios.get(layer.name)!)).join();
  };
  const lossAt = (place: number): number => before + path(place).loss;
  const best = await furthestWithin(maxError, {
    lossAt,
    leaves,
    at,
    candidates: MOST_CANDIDATES,
    enough: ENOUGH,
  });
  const { tail, whole, error } = best ?? (await unchanged());
  return { result: await provedTrial(trials, tail, whole, options), reached: { maxError, reached: error } };
}
