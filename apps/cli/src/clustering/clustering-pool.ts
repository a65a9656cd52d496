import { once } from 'node:events';
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
  /** Ids of the threads that have started. */
  readonly #started = new Set<number>();

  /** @param threads how many at once; default: as many as there are processors */
  constructor(threads: number = availableParallelism()) {
    this.threads = threads;
    this.#workers = new Piscina({
      filename: new URL('./clustering-worker.js', import.meta.url).href,
      // None before there is something to cluster, and none in place of one that an interrupted task ended: it would be ended at once.
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
    this.#workers.on('workerCreate', ({ id }: { id: number }) => this.#started.add(id));
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

  /** Ends the threads, those that are still starting when they have started: Node may abort the process with a thread that is ended before. */
  async close(): Promise<void> {
    for (const thread of this.#workers.threads) {
      // -1: it has ended.
      if (thread.threadId === -1 || this.#started.has(thread.threadId)) continue;
      thread.ref();
      // What it says first is that it has started; one that cannot start ends.
      await Promise.race([once(thread, 'message'), once(thread, 'exit')]).catch(() => {});
    }
    await this.#workers.destroy();
  }
}
