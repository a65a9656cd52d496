import type { Clusterer, Clustering, Columns } from '@spherize/core';

interface LeaderOptions {
  readonly halvings: number;
  readonly keepNorms: boolean;
}

/**
 * The leader algorithm (Hartigan, "Clustering Algorithms", 1975, chapter 3) on the columns' directions: in one pass, a column
 * joins the leader that is nearest by cosine, unless even that one is below a threshold: then it leads a cluster of its own.
 * The threshold is the highest that leaves at most k leaders, found by bisection. Columns become multiples of their leader:
 * `s_j = w_j·w_l / ‖w_l‖²`, clamped at 0, or `‖w_j‖ / ‖w_l‖` with `keepNorms`. The objective is the total length `Σ s_j ‖w_l‖`, to be maximised.
 */
const leader: Clusterer<LeaderOptions> = {
  name: 'leader',
  options: {
    halvings: {
      type: 'integer',
      min: 0,
      max: 50,
      default: 20,
      description: 'how often the interval of the threshold is halved',
    },
    keepNorms: {
      type: 'boolean',
      default: false,
      description: 'whether columns keep their length instead of their projection on the leader',
    },
  },
  async cluster(columns, k, { signal, halvings, keepNorms }) {
    let best = await onePass(columns, Number.NEGATIVE_INFINITY, k, signal);
    let [low, high] = [-1, 2];
    for (let iterations = 2; iterations <= halvings + 1; iterations++) {
      const threshold = iterations === 2 ? high : (low + high) / 2;
      const found = await onePass(columns, threshold, k, signal);
      if (!found) high = threshold;
      else [best, low] = [{ ...found, iterations }, threshold];
      if (low === high) break;
    }
    if (!keepNorms) return best!;
    return { ...best!, scales: ownNorms(columns, best!) };
  },
};
export default leader;

/** Factors that give every column its own length: leaders are the columns with coefficient 1. */
function ownNorms({ norms }: Columns, { assignment, coefficients }: Clustering): Float64Array {
  const lengths = new Map<number, number>();
  assignment.forEach((c, j) => {
    if (coefficients[j] === 1) lengths.set(c, norms[j]!);
  });
  return norms.map((norm, j) => norm / lengths.get(assignment[j]!)!);
}

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
