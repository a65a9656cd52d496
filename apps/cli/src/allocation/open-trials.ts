/** Trials of a model from the options of a command: in threads, with what was measured kept on the disk. */
import { stat } from 'node:fs/promises';
import type { FcLayer } from '@spherize/core';
import { GENERATED_PROBES, Trials } from '@spherize/core/trials';
import type { OpenCalibration } from '../calibration/open-calibration.js';
import { ClusteringPool } from '../clustering/clustering-pool.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import type { Dataset } from '../data/dataset.js';
import { Digest } from '../files/digest.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import type { OpenModel } from '../plugins/model-formats.js';
import { version } from '../version.js';
import { MeasurementCache } from './measurement-cache.js';

export interface TrialsOptions extends ShortForms {
  readonly clusterer: ClustererChoice;
  readonly sparsity: number;
  readonly dequantize?: true;
  readonly seed: number;
  readonly memory: number;
  readonly roundTo?: number;
  readonly threads?: number;
  readonly mean?: number[];
  readonly std?: number[];
  /** The output with the scores of the classes; when left out, as `scoresOutput` finds it. */
  readonly scores?: string | undefined;
}

export interface OpenTrials {
  readonly trials: Trials;
  readonly cache: MeasurementCache;
  readonly pool: ClusteringPool;
}

/** The data of the trials. */
export interface TrialData {
  /** What curves are measured on, and of which samples, every n-th only; generated inputs when left out. */
  readonly probe: { readonly data: Dataset; readonly part?: number | undefined } | undefined;
  readonly calibration: OpenCalibration | undefined;
}

/** The caller closes the pool. */
export async function openTrials(
  opened: OpenModel,
  layers: readonly FcLayer[],
  { probe, calibration }: TrialData,
  options: TrialsOptions,
  { restart, signal }: { readonly restart?: boolean | undefined; readonly signal: AbortSignal },
): Promise<OpenTrials> {
  const { model } = opened;
  const { mean, std, seed } = options;
  requireClusteringMemory(layers, options.memory, true);
  const chosen = await openClusterer(options.clusterer, options);
  const cache = await MeasurementCache.open(
    {
      version,
      model: await contentOf(opened.files),
      layers: layers.map(({ name }) => name),
      clusterer: await clustererIdentity(chosen.specifier),
      algorithm: chosen.algorithm,
      scale: chosen.scale,
      ...(Object.keys(chosen.options).length > 0 && { options: chosen.options }),
      sparsity: options.sparsity,
      dequantize: options.dequantize ?? false,
      seed,
      roundTo: options.roundTo ?? 1,
      // A Gram matrix that is not held is rounded otherwise.
      memory: layers.every(({ inputs }) => inputs * inputs * 4 <= options.memory) ? 'enough' : options.memory,
      calibration: calibration
        ? [calibration.inputs.name, calibration.inputs.samples, calibration.digest ?? null]
        : null,
      probe: probe ? [probe.data.samples, await probe.data.digest(), probe.part ?? null] : [GENERATED_PROBES],
      inputs: model.inputs.map(({ shape }) => shape),
      scores: options.scores ?? null,
      mean: mean ?? null,
      std: std ?? null,
    },
    restart,
  );
  const pool = new ClusteringPool(options.threads);
  try {
    const trials = await Trials.open(model, {
      layers: layers.map(({ name }) => name),
      clusterer: pool.clusterer(chosen.specifier, chosen.clusterer),
      engine: matrixEngine(),
      sparsity: options.sparsity,
      seed,
      roundTo: options.roundTo,
      memory: options.memory,
      calibration: calibration?.inputs,
      signal,
    });
    return { trials, cache, pool };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function contentOf(files: readonly string[]): Promise<string> {
  const digest = new Digest();
  for (const file of files) await digest.file(file);
  return digest.end();
}

/** A clusterer's name, with its content where it is a file. */
async function clustererIdentity(specifier: string): Promise<string[]> {
  const found = await stat(specifier).catch(() => undefined);
  return found?.isFile() ? [specifier, await contentOf([specifier])] : [specifier];
}
