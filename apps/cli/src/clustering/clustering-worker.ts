import {
  type Clustering,
  type ClusterOptions,
  clusterers,
  InputError,
  type InputErrorCode,
  storedGram,
} from '@spherize/core';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import { beginLoading, endLoading, type TaskStage } from './task-stage.js';

/** One clustering, as it travels to a worker thread. */
export interface ClusteringTask {
  readonly stage: TaskStage;
  readonly specifier: string;
  /** The Gram matrix, in memory that all threads share. */
  readonly values: Float32Array;
  readonly diagonal: Float64Array;
  readonly norms: Float64Array;
  readonly k: number;
  /** Seed, weights, and the options of the clusterer's own. */
  readonly choice: Pick<ClusterOptions, 'seed' | 'weights'>;
}

/** A wrong input: errors lose their class between threads, so it travels as a value. */
export interface RefusedTask {
  readonly refused: { readonly code: InputErrorCode; readonly message: string };
}

/** Runs in a worker thread. @returns nothing if the task was cancelled before it began */
export default async function cluster(task: ClusteringTask): Promise<Clustering | RefusedTask | undefined> {
  const { stage, specifier, values, diagonal, norms, k, choice } = task;
  if (!beginLoading(stage)) return undefined;
  try {
    const clusterer = await clusterers
      .find(specifier, importFromWorkingFolder)
      .finally(() => endLoading(stage));
    const columns = { count: norms.length, norms, gram: storedGram(values, diagonal) };
    return await clusterer.cluster(columns, k, choice);
  } catch (error) {
    if (error instanceof InputError) return { refused: { code: error.code, message: error.message } };
    throw error;
  }
}
