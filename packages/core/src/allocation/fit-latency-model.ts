/** From measured times to what each unit of work takes. */
import { KINDS_OF_WORK, type LatencyModel, type ModelWork, predictedMs } from '../format/latency-model.js';

/** A time and what took it. */
export interface MeasuredWork {
  readonly work: ModelWork;
  /** Milliseconds, above 0. */
  readonly ms: number;
}

/** Rounds of coordinate descent; its steps are exact, and there are six unknowns. */
const ROUNDS = 10_000;
/** What a doubled coefficient costs, in the square of a relative error. */
const PRIOR = 0.01;

/**
 * Least squares of the relative errors over coefficients of 0 or more, by coordinate descent.
 *
 * @param samples of several sizes, at least one
 * @param prior what is known of another machine: its proportions stay where times tell nothing. Default: nothing is known
 */
export function fitLatencyModel(samples: readonly MeasuredWork[], prior?: LatencyModel): LatencyModel {
  const rows = samples.map(({ work, ms }) => KINDS_OF_WORK.map((kind) => work[kind] / (1e6 * ms)));
  const targets = samples.map(() => 1);
  if (prior !== undefined) {
    const pace = paceAgainst(samples, prior);
    for (const [i, kind] of KINDS_OF_WORK.entries()) {
      const expected = pace * prior[kind];
      if (!(expected > 0)) continue;
      rows.push(KINDS_OF_WORK.map((_, j) => (i === j ? Math.sqrt(PRIOR) / expected : 0)));
      targets.push(Math.sqrt(PRIOR));
    }
  }
  // Columns of length 1, so that every coefficient moves alike.
  const lengths = KINDS_OF_WORK.map((_, j) => Math.hypot(...rows.map((row) => row[j]!)) || 1);
  const scaled = rows.map((row) => row.map((value, j) => value / lengths[j]!));
  const coefficients = KINDS_OF_WORK.map(() => 0);
  const left = [...targets];
  for (let round = 0; round < ROUNDS; round++) {
    for (const j of coefficients.keys()) {
      const before = coefficients[j]!;
      const step = scaled.reduce((sum, row, i) => sum + row[j]! * left[i]!, 0);
      const after = Math.max(0, before + step);
      if (after === before) continue;
      coefficients[j] = after;
      for (const [i, row] of scaled.entries()) left[i]! -= row[j]! * (after - before);
    }
  }
  return Object.fromEntries(
    KINDS_OF_WORK.map((kind, j) => [kind, coefficients[j]! / lengths[j]!]),
  ) as LatencyModel;
}

/** How many times slower than predicted the samples are, by their median. */
function paceAgainst(samples: readonly MeasuredWork[], latency: LatencyModel): number {
  const paces = samples.map(({ work, ms }) => ms / predictedMs(work, latency)).sort((a, b) => a - b);
  return paces[paces.length >> 1]!;
}
