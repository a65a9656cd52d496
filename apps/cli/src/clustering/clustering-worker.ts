import {
  type Clustering,
  type ClusterOptions,
  clusterers,
  InputError,
  type InputErrorCode,
  storedGram,
} from '@spherize/core';
import { importFromWorkingFolder } from '../plugins/import-module.js';

/** One clustering, as it travels to a worker thread. */
export interface ClusteringTask {
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

/** Runs in a worker thread. */
export default async function cluster(task: ClusteringTask): Promise<Clustering | RefusedTask> {
  const { specifier, values, diagonal, norms, k, choice } = task;
  try {
    const clusterer = await clusterers.find(specifier, importFromWorkingFolder);
    const columns = { count: norms.length, norms, gram: storedGram(values, diagonal) };
    return await clusterer.cluster(columns, k, choice);
  } catch (error) {
    if (error instanceof InputError) return { refused: { code: error.code, message: error.message } };
    throw error;
  }
}
