/**
 * Finds the strongest of several compressions of which a claim such as "loses at most a point" can be made, with a bounded probability of
 * a false claim however many are tried. Candidates are ordered from the mildest to the strongest, and the order of the tests is
 * fixed before any is made: a walk towards stronger ones ends at the first that fails (fixed-sequence testing; for
 * risks of models: Angelopoulos, Bates, Candès, Jordan and Lei, arXiv:2110.01052).
 */

/** Standard normal quantile at 1 − 0.04: the walk from the promising candidate on. */
const PROMISING_DEVIATIONS = 1.7507;
/** Standard normal quantile at 1 − 0.01: the walk from the mildest on, when that one fails. Together 5 %. */
const FALLBACK_DEVIATIONS = 2.3263;

/** A false claim is made with a probability of at most 1 − this. */
export const CLAIM_CONFIDENCE = 0.95;

/** The fewest standard errors with which a test is made. */
export const LEAST_DEVIATIONS: number = PROMISING_DEVIATIONS;

/**
 * @param count candidates 0 … count − 1, the mildest first
 * @param promising where to begin; chosen without a look at the samples that `holds` tests on
 * @param holds whether the claim can be made of a candidate, by a one-sided interval of so many standard errors
 * @returns the strongest candidate that was reached, or undefined when there is none
 */
export async function strongestCandidate(
  count: number,
  promising: number,
  holds: (candidate: number, deviations: number) => Promise<boolean>,
): Promise<number | undefined> {
  const walk = async (from: number, to: number, deviations: number): Promise<number | undefined> => {
    let reached: number | undefined;
    for (let i = from; i < to && (await holds(i, deviations)); i++) reached = i;
    return reached;
  };
  return (
    (await walk(promising, count, PROMISING_DEVIATIONS)) ?? (await walk(0, promising, FALLBACK_DEVIATIONS))
  );
}

/** The last of the candidates that pass, found by bisection as if none passed after one that fails; 0 when none does. */
export async function lastPassing(
  count: number,
  passes: (candidate: number) => Promise<boolean>,
): Promise<number> {
  let low = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await passes(middle)) low = middle;
    else high = middle;
  }
  return low;
}
