/** Columns to an error of the outputs: one ratio for all layers, found by compressing a few times. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { WeightType } from '../format/weight-storage.js';
import type { AssembledModel } from '../pipeline/assemble-model.js';
import type { CompressedModel } from '../pipeline/compressed-model.js';
import { requireRunnable } from '../proof/compare-models.js';
import { type ProveTrialOptions, provedTrial } from '../trials/proved-trial.js';
import type { Trials } from '../trials/trials.js';
import { columnsAt } from './columns-at-ratios.js';

/** A candidate is good enough with so much of the budget; others aim a little below it. */
const NEARLY = 0.7;
const AIM = 0.9;
const MOST_CANDIDATES = 5;
/** The ratio of the first candidate, and the most. */
const FIRST = 0.5;
const MOST = 0.98;
/** How the logarithm of the error goes with that of ρ / (1 − ρ), until two candidates tell. */
const USUAL_SLOPE = 1.2;
/** Ratios nearer to each other than this make no difference. */
const CLOSE = 0.005;
/** An error that is rounding. */
const TINY = 1e-9;

export interface ColumnsToErrorOptions extends ProveTrialOptions {
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
  /** How the result will be stored: candidates are measured so, rounded to the nearest. Default: as the model is. */
  readonly storage?: WeightType | undefined;
}

/** How the error was met. */
export interface ErrorReached {
  readonly maxError: number;
  readonly reached: number;
}

/**
 * The largest ratio at which the outputs are near enough, about: one for all layers, since curves of each would take many times as long. The result is proved, see `verifyRewrite`.
 *
 * @param maxError see `OutputFidelity`
 * @returns a result without layers that change where no ratio that was tried keeps the error
 * @throws ProofError as `verifyRewrite` does
 */
export async function columnsToError(
  trials: Trials,
  maxError: number,
  { inputs, storage, ...options }: ColumnsToErrorOptions,
): Promise<{ result: CompressedModel; reached: ErrorReached }> {
  const { signal, onProgress } = options;
  const { model } = trials;
  await requireRunnable(model);
  const recorded = await recordOutputs(model, inputs, { signal });
  const points: { x: number; y: number }[] = [];
  let [low, high] = [0, MOST];
  let best: { tail: AssembledModel; whole: AssembledModel; error: number } | undefined;
  let ratio = FIRST;
  for (let candidate = 0; candidate < MOST_CANDIDATES && high - low > CLOSE; candidate++) {
    signal?.throwIfAborted();
    onProgress?.({
      phase: 'target',
      done: candidate,
      total: MOST_CANDIDATES,
      share: candidate / (MOST_CANDIDATES + 1),
      detail: `ρ = ${ratio.toFixed(3)}`,
    });
    const { tail, whole } = await columnsAt(trials, ratio);
    const { model: written } = (storage && whole.model.storage?.store(storage)) ?? whole;
    const error = (await fidelityTo(recorded, written, { signal })).outputError ?? 0;
    if (error <= maxError) {
      best = { tail, whole, error };
      low = ratio;
    } else high = ratio;
    if (error <= maxError && (error > NEARLY * maxError || ratio === MOST)) break;
    points.push({ x: Math.log(ratio / (1 - ratio)), y: Math.log(Math.max(error, TINY)) });
    const next = logistic(aimed(points, Math.log(AIM * maxError)));
    ratio = next > low && next < high ? next : high === MOST && next >= MOST ? MOST : (low + high) / 2;
  }
  const tail = best?.tail ?? (await trials.assemble(new Map()));
  const result = await provedTrial(
    trials,
    tail,
    best?.whole ?? (await trials.whole(tail.compressed)),
    options,
  );
  return { result, reached: { maxError, reached: best?.error ?? 0 } };
}

/** Where the line through the last two points, or one of the usual slope, meets y. */
function aimed(points: readonly { x: number; y: number }[], y: number): number {
  const [before, last] = [points.at(-2), points.at(-1)!];
  const measured = before === undefined ? Number.NaN : (last.y - before.y) / (last.x - before.x);
  const slope = measured > USUAL_SLOPE / 4 ? measured : USUAL_SLOPE;
  return last.x + (y - last.y) / slope;
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
