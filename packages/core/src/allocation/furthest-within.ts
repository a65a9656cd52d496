/** The furthest place on a path at which an error is kept, where every place that is tried costs a compression. */

/** Candidates aim a little below the budget. */
const AIM = 0.9;
/** How the logarithm of the error goes with that of the loss until two candidates tell, and the least that they may tell. */
const USUAL_SLOPE = 1;
const LEAST_SLOPE = 0.25;
/** A loss that is rounding. */
const TINY = 1e-9;
/** Places nearer to each other than this make no difference. */
const CLOSE = 0.01;

/** A path from nothing, at 0, to the most that can leave, at 1. */
export interface ErrorPath<Candidate> {
  /** What the error should be at a place, about: it never falls along the path. */
  readonly lossAt: (place: number) => number;
  /** The same for places of which the candidates are the same. */
  readonly leaves: (place: number) => string;
  readonly at: (place: number) => Promise<Candidate>;
  /** The most that are made. */
  readonly candidates: number;
  /** A candidate is good enough with this share of the budget. */
  readonly enough: number;
}

/**
 * Losses of parts do not quite add up: the first candidate is where they should reach the budget, and each other one is moved by what the one
 * before missed. Places with the same candidate are tried once.
 *
 * @returns undefined where none that was tried keeps the error
 */
export async function furthestWithin<Candidate extends { readonly error: number }>(
  maxError: number,
  { lossAt, leaves, at, candidates, enough }: ErrorPath<Candidate>,
): Promise<Candidate | undefined> {
  const placeAt = (loss: number): number => placeOfLoss(lossAt, loss);
  // What is between them is not known, nor the end of the path before something was too far.
  let [low, high] = [0, 1];
  let tooFar = false;
  const points: Point[] = [];
  let best: Candidate | undefined;
  let place = placeAt(AIM * maxError);
  for (let tried = 0; tried < candidates; tried++) {
    const candidate = await at(place);
    const { error } = candidate;
    const alike = (other: number): boolean => leaves(other) === leaves(place);
    if (error <= maxError) [low, best] = [lastWhere(alike, place, high), candidate];
    else [high, tooFar] = [1 - lastWhere((back) => alike(1 - back), 1 - place, 1 - low), true];
    if ((error <= maxError && error > enough * maxError) || high - low <= CLOSE) break;
    points.push({ x: logarithm(lossAt(place)), y: logarithm(error) });
    const aim = placeAt(Math.exp(whereItMeets(points, logarithm(AIM * maxError))));
    // Half-way in what is lost, where the losses tell nothing.
    const between = placeAt(Math.sqrt(Math.max(lossAt(low), TINY) * lossAt(high)));
    const isNew = (next: number): boolean => next > low && (next < high || (next === high && !tooFar));
    place = [aim, between, (low + high) / 2].find(isNew)!;
  }
  return best;
}

/** The last place at which no more than this is lost. */
export function placeOfLoss(lossAt: (place: number) => number, loss: number): number {
  return lastWhere((place) => lossAt(place) <= loss, 0, 1);
}

/** The mildest place, nearly, at which something fits that does not at the first and does at the end. */
export async function mildestWhere(
  fits: (place: number) => Promise<boolean>,
  first: number,
  end: number,
  steps: number,
): Promise<number> {
  let [low, high] = [first, end];
  for (let step = 0; step < steps; step++) {
    const middle = (low + high) / 2;
    if (await fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where the line through the last two points, or one of the usual slope, meets y. */
function whereItMeets(points: readonly Point[], y: number): number {
  const [before, last] = [points.at(-2), points.at(-1)!];
  const told = before === undefined ? Number.NaN : (last.y - before.y) / (last.x - before.x);
  return last.x + (y - last.y) / (told > LEAST_SLOPE ? told : USUAL_SLOPE);
}

function logarithm(value: number): number {
  return Math.log(Math.max(value, TINY));
}

/** The last place for which something holds that holds at the first, and from somewhere on does not. */
function lastWhere(holds: (place: number) => boolean, first: number, end: number): number {
  if (holds(end)) return end;
  let [low, high] = [first, end];
  for (let step = 0; step < 30; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
