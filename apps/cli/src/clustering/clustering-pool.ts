import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type Clusterer, type Clustering, type Columns, InputError, optionTable } from '@spherize/core';
import { Piscina } from 'piscina';
import type { ClusteringTask, RefusedTask } from './clustering-worker.js';
import { endable, type TaskStage, taskStage } from './task-stage.js';

/**
 * Clusters in worker threads that share one Gram matrix. Every call is one task of its own, so results do not depend on
 * the number of threads.
 */
export class ClusteringPool {
  readonly threads: number;
  readonly #workers: Piscina<ClusteringTask, Clustering | RefusedTask | undefined>;
  /** Ids of the threads that have started. */
  readonly #started = new Set<number>();
  /** Of the tasks that wait or are at work. */
  readonly #stages = new Set<TaskStage>();
  /** One for all who wait for threads to start. */
  #waiting: Promise<void> | undefined;

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
      contributions: clusterer.contributions,
      options: optionTable(clusterer),
      cluster: async (columns: Columns, k, { signal, onProgress, ...choice }) => {
        const { values, diagonal } = columns.gram;
        if (values === undefined) return clusterer.cluster(columns, k, { ...choice, signal });
        const result = await this.#run(
          { specifier, values, diagonal, norms: columns.norms, k, choice },
          signal,
        );
        if ('refused' in result) throw new InputError(result.refused.code, result.refused.message);
        return result;
      },
    };
  }

  async #run(
    task: Omit<ClusteringTask, 'stage'>,
    signal: AbortSignal | undefined,
  ): Promise<Clustering | RefusedTask> {
    signal?.throwIfAborted();
    const stage = taskStage();
    const end = new AbortController();
    // The pool ends a task's thread with the task; one that is still starting may have been given it.
    const onAbort = async () => {
      await endable(stage);
      await this.#allStarted();
      end.abort(signal?.reason);
    };
    this.#stages.add(stage);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await this.#workers.run({ ...task, stage }, { signal: end.signal });
      // A cancelled task may end before its thread.
      return result ?? Promise.reject(signal?.reason ?? new Error('cancelled'));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#stages.delete(stage);
    }
  }

  /** Ends the threads, those that are still starting or loading when they have done so. */
  async close(): Promise<void> {
    await Promise.all([...this.#stages].map(endable));
    await this.#allStarted();
    await this.#workers.destroy();
  }

  /** Waits until no thread is starting: Node aborts the whole process with one that is ended while it loads modules. */
  #allStarted(): Promise<void> {
    this.#waiting ??= this.#waitForStarting().finally(() => {
      this.#waiting = undefined;
    });
    return this.#waiting;
  }

  async #waitForStarting(): Promise<void> {
    // Threads may be started while others end, for tasks that wait.
    for (let [thread] = this.#starting(); thread !== undefined; [thread] = this.#starting()) {
      thread.ref();
      // What it says first is that it has started; one that cannot start ends.
      await Promise.race([once(thread, 'message'), once(thread, 'exit')]).catch(() => {});
      this.#started.add(thread.threadId);
      // Those that were started meanwhile are there in the next turn.
      await new Promise(setImmediate);
    }
  }

  /** Threads that load their first modules; those with -1 have ended. */
  #starting(): Worker[] {
    return this.#workers.threads.filter(({ threadId }) => threadId !== -1 && !this.#started.has(threadId));
  }
}
