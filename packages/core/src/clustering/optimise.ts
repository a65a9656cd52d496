import { Random } from '../random.js';
import type { ClustererOption, ClusterOptions } from './clusterer.js';
import { hartigan } from './hartigan.js';
import { lloyd } from './lloyd.js';
import type { Objective } from './objective.js';
import type { Partition } from './partition.js';
import type { Points } from './points.js';
import { seedPlusPlus } from './seeding.js';

/** Lloyd's batch iteration, or Hartigan's exchange of single columns, which goes on where Lloyd's stalls. */
export type ClusteringAlgorithm = 'lloyd' | 'hartigan';

/** Options of the clusterers that can do both. */
export interface AlgorithmOptions {
  /** Default `hartigan`. */
  readonly algorithm?: ClusteringAlgorithm | undefined;
}

export const ALGORITHM: ClustererOption = {
  type: 'enum',
  values: ['lloyd', 'hartigan'],
  default: 'hartigan',
  description: 'lloyd (the textbook method) or hartigan (goes on where it stalls)',
};

/** Seeds by k-means++ and improves the objective by the algorithm asked for. */
export async function optimise(
  points: Points,
  k: number,
  objective: Objective,
  options: ClusterOptions & AlgorithmOptions,
): Promise<{ partition: Partition; iterations: number }> {
  const start = await seedPlusPlus(points, k, new Random(options.seed ?? 0), options);
  const algorithm = options.algorithm === 'lloyd' ? lloyd : hartigan;
  return algorithm(points, start, k, objective, options);
}
