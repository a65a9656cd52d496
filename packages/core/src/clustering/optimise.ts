import { Random } from '../random.js';
import type { ClusterOptions } from './clusterer.js';
import { hartigan } from './hartigan.js';
import { lloyd } from './lloyd.js';
import type { Objective } from './objective.js';
import type { Partition } from './partition.js';
import type { Points } from './points.js';
import { seedPlusPlus } from './seeding.js';

/** Seeds by k-means++ and improves the objective by the algorithm asked for. */
export async function optimise(
  points: Points,
  k: number,
  objective: Objective,
  options: ClusterOptions,
): Promise<{ partition: Partition; iterations: number }> {
  const start = await seedPlusPlus(points, k, new Random(options.seed ?? 0), options);
  const algorithm = options.algorithm === 'lloyd' ? lloyd : hartigan;
  return algorithm(points, start, k, objective, options);
}
