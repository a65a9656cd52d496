/** What is lost at any share, from what was lost at two. */

/** An error where so much has left, above 0 and below 1. */
export type MeasuredLoss = readonly [ratio: number, error: number];

/**
 * How the logarithm of the error goes at least with that of `ρ / (1 − ρ)` below the first of them, where what is alike goes first: 1.2 to 2.7 for
 * columns of two networks of three layers for Fashion-MNIST.
 */
const SLOPE_BELOW = 1.8;
/** An error that is rounding. */
const TINY = 1e-9;

/** The logarithm of the error is taken to go straight with that of `ρ / (1 − ρ)`. @param errors by ρ, ascending, at least one */
export function lossThrough(errors: readonly MeasuredLoss[]): (ratio: number) => number {
  const [first, last] = [logarithms(errors[0]!), logarithms(errors.at(-1)!)];
  const told = last.x > first.x ? Math.max(0, last.y - first.y) / (last.x - first.x) : SLOPE_BELOW;
  return (ratio) => {
    const x = logOdds(ratio);
    const slope = x < first.x ? Math.max(told, SLOPE_BELOW) : told;
    return Math.exp(first.y + slope * (x - first.x));
  };
}

/** Of `ρ / (1 − ρ)` and of the error. */
function logarithms([ratio, error]: MeasuredLoss): { x: number; y: number } {
  return { x: logOdds(ratio), y: Math.log(Math.max(error, TINY)) };
}

function logOdds(ratio: number): number {
  return Math.log(ratio / (1 - ratio));
}
