import type { ClusteringAlgorithm } from '@spherize/core';

/** One point of a sweep. */
export interface SweepSetting {
  /** Built-in name, package or path of the clusterer. */
  readonly clusterer: string;
  readonly algorithm: ClusteringAlgorithm;
  /** Share of zeros to which each layer is pruned first; 0 leaves the model as it is. */
  readonly sparsity: number;
  /** Column reduction ratio. */
  readonly ratio: number;
  readonly seed: number;
}

export interface SweepGrid {
  readonly clusterers: readonly string[];
  readonly algorithms: readonly ClusteringAlgorithm[];
  readonly sparsities: readonly number[];
  readonly ratios: readonly number[];
  readonly seeds: readonly number[];
}

/** Every combination, sparsity outermost: all settings of one sparsity share their Gram matrices. */
export function gridSettings(grid: SweepGrid): SweepSetting[] {
  return grid.sparsities.flatMap((sparsity) =>
    grid.algorithms.flatMap((algorithm) =>
      grid.clusterers.flatMap((clusterer) =>
        grid.ratios.flatMap((ratio) =>
          grid.seeds.map((seed) => ({ clusterer, algorithm, sparsity, ratio, seed })),
        ),
      ),
    ),
  );
}
