/**
 * The two clustering objectives, written so that one implementation of each algorithm serves both. Both are sums over
 * clusters of a function of `q = ‖Σ ω_j p_j‖²` and `Ω = Σ ω_j` over the members, to be maximised:
 *
 * - inertia: `Σ ω_j ‖p_j − mean‖² = Σ ω_j ‖p_j‖² − Σ_clusters q/Ω`;
 * - total cosine to the unit mean direction: `Σ_clusters √q`.
 */
export interface Objective {
  readonly name: 'inertia' | 'cosine';
  /** What a cluster contributes; 0 when it is empty. */
  value(q: number, weight: number): number;
  /** Lloyd's rule: a point joins the cluster with the largest `slope·⟨p, Σ ω p⟩ − offset`. */
  slope(q: number, weight: number): number;
  offset(q: number, weight: number): number;
}

export const inertiaObjective: Objective = {
  name: 'inertia',
  value: (q, weight) => (weight > 0 ? q / weight : 0),
  slope: (_q, weight) => 1 / weight,
  offset: (q, weight) => q / (2 * weight * weight),
};

export const cosineObjective: Objective = {
  name: 'cosine',
  value: (q) => (q > 0 ? Math.sqrt(q) : 0),
  slope: (q) => (q > 0 ? 1 / Math.sqrt(q) : 0),
  offset: () => 0,
};
