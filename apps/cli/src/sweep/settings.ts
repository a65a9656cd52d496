import type { ClusteringAlgorithm, ClusterScale } from '@spherize/core';

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
  /** Factors of a clusterer of directions; default `norm`. */
  readonly scale?: ClusterScale;
  /** Whether the layers are refitted on calibration inputs. */
  readonly calibrated: boolean;
  /** A line of reference: what people would otherwise do. */
  readonly reference?: true;
}

/**
 * Lines of reference: the columns of largest norm, columns merged at random, and a truncated singular value decomposition with as
 * many weights (which is not clustering: the layer becomes two).
 */
export const REFERENCES = ['l2-slice', 'random', 'svd'] as const;
export type Reference = (typeof REFERENCES)[number];

export interface SweepGrid {
  readonly clusterers: readonly string[];
  readonly algorithms: readonly ClusteringAlgorithm[];
  readonly sparsities: readonly number[];
  readonly ratios: readonly number[];
  readonly seeds: readonly number[];
  readonly scale?: ClusterScale;
  readonly calibrated?: boolean;
  readonly references?: readonly Reference[];
}

/** Every combination, sparsity outermost: all settings of one sparsity share their Gram matrices. References come last. */
export function gridSettings(grid: SweepGrid): SweepSetting[] {
  const { calibrated = false, scale = 'norm', references = [] } = grid;
  const chosen = scale === 'norm' ? {} : { scale };
  const settings = grid.sparsities.flatMap((sparsity) =>
    grid.algorithms.flatMap((algorithm) =>
      grid.clusterers.flatMap((clusterer) =>
        grid.ratios.flatMap((ratio) =>
          grid.seeds.map((seed) => ({ clusterer, algorithm, sparsity, ratio, seed, ...chosen, calibrated })),
        ),
      ),
    ),
  );
  return [...settings, ...referenceSettings(grid, references, calibrated)];
}

/** One seed of each reference; factors of a decomposition are not refitted. */
function referenceSettings(
  { algorithms, sparsities, ratios, seeds }: SweepGrid,
  references: readonly Reference[],
  calibrated: boolean,
): SweepSetting[] {
  return sparsities.flatMap((sparsity) =>
    references.flatMap((clusterer) =>
      ratios.map((ratio) => ({
        clusterer,
        algorithm: algorithms[0]!,
        sparsity,
        ratio,
        seed: seeds[0]!,
        calibrated: calibrated && clusterer !== 'svd',
        reference: true as const,
      })),
    ),
  );
}
