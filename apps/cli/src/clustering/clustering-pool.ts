import { availableParallelism } from 'node:os';
import { type Clusterer, type Clustering, type Columns, InputError, optionTable } from '@spherize/core';
import { Piscina } from 'piscina';
import type { ClusteringTask, RefusedTask } from './clustering-worker.js';

/**
 * Clusters in worker threads that share one Gram matrix. Every call is one task of its own, so results do not depend on
 * the number of threads.
 */
export class ClusteringPool {
  readonly threads: number;
  readonly #workers: Piscina<ClusteringTask, Clustering | RefusedTask>;

  /** @param threads how many at once; default: as many as there are processors */
  constructor(threads: number = availableParallelism()) {
    this.threads = threads;
    this.#workers = new Piscina({
      filename: new URL('./clustering-worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
  }

  /**
   * A clusterer that runs in the pool.
   *
   * @param specifier by which the workers find it: built-in name, package or path
   * @param clusterer the same one, for columns whose Gram matrix is not held in memory and so cannot be shared
   */
  clusterer(specifier: string, clusterer: Clusterer): Clusterer {
    return {
      name: clusterer.name,
      options: optionTable(clusterer),
      cluster: async (columns: Columns, k, { signal, onProgress, ...choice }) => {
        const { values, diagonal } = columns.gram;
        if (values === undefined) return clusterer.cluster(columns, k, { ...choice, signal });
        const task = { specifier, values, diagonal, norms: columns.norms, k, choice };
        const result = await this.#workers.run(task, signal ? { signal } : {});
        if ('refused' in result) throw new InputError(result.refused.code, result.refused.message);
        return result;
      },
    };
  }

  async close(): Promise<void> {
    await this.#workers.destroy();
  }
}
