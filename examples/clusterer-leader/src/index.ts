import type { Clusterer, Clustering, Columns } from '@spherize/core';

/** Halvings of the interval in which the threshold is looked for. */
const HALVINGS = 20;

/**
 * The leader algorithm (Hartigan, "Clustering Algorithms", 1975, chapter 3) on the columns' directions: in one pass, a column
 * joins the leader that is nearest by cosine, unless even that one is below a threshold: then it leads a cluster of its own.
 * The threshold is the highest that leaves at most k leaders, found by bisection. Columns become multiples of their leader:
 * `s_j = w_j·w_l / ‖w_l‖²`, clamped at 0. The objective is the total length `Σ s_j ‖w_l‖`, to be maximised.
 */
const leader: Clusterer = {
  name: 'leader',
  async cluster(columns, k, { signal }) {
    let best = await onePass(columns, Number.NEGATIVE_INFINITY, k, signal);
    let [low, high] = [-1, 2];
    for (let iterations = 2; iterations <= HALVINGS + 1; iterations++) {
      const threshold = iterations === 2 ? high : (low + high) / 2;
      const found = await onePass(columns, threshold, k, signal);
      if (!found) high = threshold;
      else [best, low] = [{ ...found, iterations }, threshold];
      if (low === high) break;
    }
    return best!;
  },
};
export default leader;

/** One pass over the columns, or undefined when it needs more than k leaders. */
async function onePass(
  { count, norms, gram }: Columns,
  threshold: number,
  k: number,
  signal: AbortSignal | undefined,
): Promise<Clustering | undefined> {
  const leaders: number[] = [];
  const assignment = new Int32Array(count);
  const scales = new Float64Array(count);
  const coefficients = new Float64Array(count);
  let objective = 0;
  for (let start = 0; start < count; start += gram.blockRows) {
    signal?.throwIfAborted();
    const end = Math.min(start + gram.blockRows, count);
    const rows = await gram.rows(start, end);
    for (let j = start; j < end; j++) {
      let nearest = -1;
      let cosine = Number.NEGATIVE_INFINITY;
      leaders.forEach((l, c) => {
        const own = rows[(j - start) * count + l]! / (norms[j]! * norms[l]!);
        if (own > cosine) [nearest, cosine] = [c, own];
      });
      const leads = nearest < 0 || cosine < threshold;
      if (leads && leaders.push(j) > k) return undefined;
      assignment[j] = leads ? leaders.length - 1 : nearest;
      coefficients[j] = leads ? 1 : 0;
      scales[j] = leads ? 1 : (Math.max(0, cosine) * norms[j]!) / norms[leaders[nearest]!]!;
      objective += leads ? norms[j]! : Math.max(0, cosine) * norms[j]!;
    }
  }
  return { assignment, scales, coefficients, objective, iterations: 1 };
}
