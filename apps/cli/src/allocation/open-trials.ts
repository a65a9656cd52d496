/** Everything that measuring curves of a model needs, from the options of a command. */
import { stat } from 'node:fs/promises';
import { type ClusteringAlgorithm, type ClusterScale, clusterers, type FcLayer } from '@spherize/core';
import type { OpenCalibration } from '../calibration/open-calibration.js';
import { ClusteringPool } from '../clustering/clustering-pool.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import type { Dataset } from '../data/dataset.js';
import { Digest } from '../files/digest.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import type { OpenModel } from '../plugins/model-formats.js';
import { version } from '../version.js';
import { MeasurementCache } from './measurement-cache.js';
import { OutputProbe } from './output-probe.js';
import { dataBatches, GENERATED_PROBES, generatedBatches, generatedProbes } from './probe-batches.js';
import { Trials } from './trials.js';

/** Samples that run at a time. */
const BATCH = 250;

export interface TrialsOptions {
  readonly clusterer: string;
  readonly algorithm: ClusteringAlgorithm;
  readonly scale: ClusterScale;
  readonly sparsity: number;
  readonly dequantize?: true;
  readonly seed: number;
  readonly memory: number;
  readonly roundTo?: number;
  readonly threads?: number;
  readonly mean?: number[];
  readonly std?: number[];
}

export interface OpenTrials {
  readonly trials: Trials;
  /** Measures curves. */
  readonly probe: OutputProbe;
  readonly cache: MeasurementCache;
  readonly pool: ClusteringPool;
}

/** The data of the trials. */
export interface TrialData {
  /** What curves are measured on; generated inputs when left out. */
  readonly probe: Dataset | undefined;
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
  const clusterer = await clusterers.find(options.clusterer, importFromWorkingFolder);
  const generated = probe ? undefined : generatedProbes(model, { seed, mean, std, batch: BATCH });
  const cache = await MeasurementCache.open(
    {
      version,
      model: await contentOf(opened.files),
      layers: layers.map(({ name }) => name),
      clusterer: await clustererIdentity(options.clusterer),
      algorithm: options.algorithm,
      scale: options.scale,
      sparsity: options.sparsity,
      dequantize: options.dequantize ?? false,
      seed,
      roundTo: options.roundTo ?? 1,
      // A Gram matrix that is not held is rounded otherwise.
      memory: layers.every(({ inputs }) => inputs * inputs * 4 <= options.memory) ? 'enough' : options.memory,
      calibration: calibration
        ? [calibration.inputs.name, calibration.inputs.samples, calibration.digest ?? null]
        : null,
      probe: probe ? [probe.samples, await probe.digest()] : [GENERATED_PROBES],
      mean: mean ?? null,
      std: std ?? null,
    },
    restart,
  );
  const pool = new ClusteringPool(options.threads);
  try {
    const trials = await Trials.open({
      model,
      layers,
      clusterer: pool.clusterer(options.clusterer, clusterer),
      engine: matrixEngine(),
      algorithm: options.algorithm,
      scale: options.scale,
      sparsity: options.sparsity,
      seed,
      roundTo: options.roundTo,
      memory: options.memory,
      calibration: calibration?.inputs,
      signal,
    });
    const batches = probe
      ? dataBatches(trials.head, trials.tail, probe, BATCH)
      : generatedBatches(trials.head, generated!);
    return { trials, cache, pool, probe: await OutputProbe.record(trials.tail, batches, signal) };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Records what labelled data give at the cut of some trials. */
export function recordData(trials: Trials, data: Dataset, signal: AbortSignal): Promise<OutputProbe> {
  return OutputProbe.record(trials.tail, dataBatches(trials.head, trials.tail, data, BATCH), signal);
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
