import type { ClustererOptionValues } from '../clustering/clusterer.js';

/** A clusterer and its options. */
export interface Method {
  /** The clusterer's name, by which `SweepOptions.clusterers` knows it. */
  readonly clusterer: string;
  /** Its own, or, where it has none, what it is to be compared with. */
  readonly algorithm: string;
  /** Factors of a clusterer of directions; default `norm`. */
  readonly scale?: string;
  /** Its other options, those that differ from their defaults; default: none does. */
  readonly options?: ClustererOptionValues;
}

/** One point of a sweep. */
export interface SweepSetting extends Method {
  /** Share of zeros to which each layer is pruned first; 0 leaves the model as it is. */
  readonly sparsity: number;
  /** Column reduction ratio. */
  readonly ratio: number;
  readonly seed: number;
  /** Whether the layers are refitted on calibration inputs. */
  readonly calibrated: boolean;
  /** What becomes smaller, where it is not the columns of layers; the ratio is then the share of each width that leaves. */
  readonly reduce?: 'neurons' | 'auto';
  /** A line of reference: what people would otherwise do. */
  readonly reference?: true;
}

/**
 * Lines of reference: the columns of largest norm, columns merged at random, and a truncated singular value decomposition with as
 * many weights (which is not clustering: the layer becomes two).
 */
export const REFERENCES = ['l2-slice', 'random', 'svd'] as const;
/** The name of a line of reference. */
export type Reference = (typeof REFERENCES)[number];

/** What a sweep combines. */
export interface SweepGrid {
  /** The algorithms are for those that have none of their own. */
  readonly methods: readonly (Omit<Method, 'algorithm'> & Partial<Pick<Method, 'algorithm'>>)[];
  readonly algorithms: readonly string[];
  readonly sparsities: readonly number[];
  readonly ratios: readonly number[];
  readonly seeds: readonly number[];
  readonly calibrated?: boolean;
  readonly reduce?: 'neurons' | 'auto';
  readonly references?: readonly Reference[];
}

/** Every combination, sparsity outermost: all settings of one sparsity share their Gram matrices. References come last. */
export function gridSettings(grid: SweepGrid): SweepSetting[] {
  const { calibrated = false, references = [], reduce } = grid;
  const kind = reduce && { reduce };
  const settings = grid.sparsities.flatMap((sparsity) =>
    grid.algorithms.flatMap((algorithm) =>
      grid.methods.flatMap(({ clusterer, algorithm: own = algorithm, ...chosen }) =>
        grid.ratios.flatMap((ratio) =>
          grid.seeds.map((seed) => ({
            clusterer,
            algorithm: own,
            sparsity,
            ratio,
            seed,
            ...chosen,
            ...kind,
            calibrated,
          })),
        ),
      ),
    ),
  );
  return [...settings, ...referenceSettings(grid, references, calibrated)];
}

/** One seed of each reference; factors of a decomposition are not refitted. */
function referenceSettings(
  { algorithms, sparsities, ratios, seeds, reduce }: SweepGrid,
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
        ...(reduce && { reduce }),
        calibrated: calibrated && clusterer !== 'svd',
        reference: true as const,
      })),
    ),
  );
}
