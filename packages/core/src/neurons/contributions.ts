/** What features contribute to the outputs of a layer, and which of them stay where a clusterer chooses by it. */
import { clusterColumns } from '../clustering/cluster-columns.js';
import type { Clusterer, Clustering } from '../clustering/clusterer.js';
import { storedGram } from '../matrix/gram.js';

/** Contributions with less than this share of the largest's variance are none. */
const NOTHING = 1e-12;

/**
 * The covariances of contributions: feature i adds `c_i = Σ w_a x_a` over its columns a to the outputs, and
 * `E⟨c_i, c_j⟩ = Σ (WᵀW)_ab S_ab` over the columns a of i and b of j. With one column each that is `(WᵀW) ∘ S`.
 *
 * @param products `WᵀW`, shape `[n, n]`
 * @param moments S, shape `[n, n]`, symmetric and positive semidefinite: so is the result
 * @param places columns of each feature
 * @param unit by which all are divided
 * @returns shape `[features, features]`
 */
export function contributionGram(
  products: ArrayLike<number>,
  moments: ArrayLike<number>,
  n: number,
  places: readonly (readonly number[])[],
  unit: number,
): Float64Array {
  const count = places.length;
  const gram = new Float64Array(count * count);
  for (const [i, mine] of places.entries()) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (const a of mine) for (const b of places[j]!) sum += products[a * n + b]! * moments[a * n + b]!;
      gram[i * count + j] = gram[j * count + i] = sum / unit;
    }
  }
  return gram;
}

/**
 * Clusters features by what they contribute, block by block, and keeps of each cluster the member that is nearest to its centroid. A feature
 * that contributes nothing is in no cluster and leaves first.
 *
 * @param gram of the contributions, shape `[n, n]`
 * @param blocks places of features of which each block keeps `keep`
 * @returns places that stay, ascending within each block, block by block
 */
export async function chooseByContributions(
  gram: Float64Array,
  blocks: readonly Int32Array[],
  keep: number,
  clusterer: Clusterer,
  options: { seed?: number | undefined; signal?: AbortSignal | undefined },
): Promise<Int32Array> {
  const n = Math.sqrt(gram.length);
  const largest = gram.reduce((most, value, at) => (at % (n + 1) === 0 ? Math.max(most, value) : most), 0);
  const kept: number[] = [];
  for (const block of blocks) {
    const own = (place: number): number => gram[place * n + place]!;
    const live = block.filter((place) => own(place) > NOTHING * largest);
    const values = Float32Array.from({ length: live.length ** 2 }, (_, at) => {
      const [i, j] = [Math.floor(at / live.length), at % live.length];
      return gram[live[i]! * n + live[j]!]! / largest;
    });
    const diagonal = Float64Array.from(live, (place) => own(place) / largest);
    const columns = {
      count: live.length,
      norms: diagonal.map(Math.sqrt),
      gram: storedGram(values, diagonal),
      positions: live,
      total: block.length,
    };
    const clustering = await clusterColumns(clusterer, columns, keep, options);
    const stay = new Set([...nearestToCentroids(clustering, values, keep)].map((p) => live[p]!));
    // Every block keeps the same number: where there are fewer clusters, those that contribute most of the others stay too.
    const rest = [...block].filter((place) => !stay.has(place)).sort((a, b) => own(b) - own(a) || a - b);
    for (const place of rest.slice(0, keep - stay.size)) stay.add(place);
    kept.push(...[...stay].sort((a, b) => a - b));
  }
  return Int32Array.from(kept);
}

/** Of each cluster the member with the largest cosine to the centroid. */
function nearestToCentroids(
  { assignment, coefficients }: Clustering,
  gram: Float32Array,
  clusters: number,
): number[] {
  const n = assignment.length;
  const members = Array.from({ length: clusters }, (): number[] => []);
  for (const [j, cluster] of assignment.entries()) if (cluster >= 0) members[cluster]!.push(j);
  return members.flatMap((own) => {
    let [best, highest] = [-1, Number.NEGATIVE_INFINITY];
    for (const j of own) {
      let product = 0;
      for (const i of own) product += coefficients[i]! * gram[i * n + j]!;
      const cosine = product / Math.sqrt(gram[j * n + j]!);
      if (cosine > highest) [best, highest] = [j, cosine];
    }
    return best < 0 ? [] : [best];
  });
}
