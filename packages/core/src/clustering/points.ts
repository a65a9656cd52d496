import type { Gram } from '../matrix/gram.js';
import type { Columns } from './clusterer.js';

/**
 * Weighted points `p_j = t_j w_j` in Gram space: `⟨p_i, p_j⟩ = t_i t_j G_ij`. With t = 1 they are the columns
 * themselves, with `t_j = 1/r_j` their directions.
 */
export interface Points {
  readonly count: number;
  readonly gram: Gram;
  /** t_j, n values. */
  readonly factors: Float64Array;
  /** ω_j, n values. */
  readonly weights: Float64Array;
  /** ‖p_j‖², n values. */
  readonly squaredNorms: Float64Array;
}

/** The columns as they are. */
export function columnPoints(columns: Columns, weights: Float64Array | undefined): Points {
  return points(columns, new Float64Array(columns.count).fill(1), weights);
}

/** The columns' directions `u_j = w_j / r_j`. */
export function directionPoints(columns: Columns, weights: Float64Array | undefined): Points {
  return points(
    columns,
    columns.norms.map((norm) => 1 / norm),
    weights,
  );
}

function points(columns: Columns, factors: Float64Array, weights: Float64Array | undefined): Points {
  return {
    count: columns.count,
    gram: columns.gram,
    factors,
    weights: weights ?? new Float64Array(columns.count).fill(1),
    // Rounded as the rows of G are: a point that leaves a cluster must take away exactly what it brought.
    squaredNorms: factors.map((t, j) => t * t * Math.fround(columns.gram.diagonal[j]!)),
  };
}
