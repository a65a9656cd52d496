/** Options that several commands have in common. */

import { freemem } from 'node:os';
import { type ClusteringAlgorithm, type ClusterScale, clusterers, type Model } from '@spherize/core';
import { type Command, Option } from 'commander';
import { DEFAULT_SAMPLES, type OpenCalibration, openCalibration } from '../calibration/open-calibration.js';
import type { Dataset } from '../data/dataset.js';
import { DATASET_SPECS, openDataset } from '../data/open-dataset.js';
import { singleInput } from '../evaluation/model-runner.js';
import { modelFormats } from '../plugins/model-formats.js';
import { parseShard, type Shard } from '../sweep/shards.js';
import {
  parseBytes,
  parseChoice,
  parseInteger,
  parseList,
  parseNumber,
  parsePositive,
  parseShare,
} from './parse.js';

export interface CommonOptions {
  readonly json?: true;
  readonly seed: number;
  readonly verbose?: true;
}

export interface NormalizationOptions {
  readonly mean?: number[];
  readonly std?: number[];
}

export interface DataOptions extends NormalizationOptions {
  readonly data: string;
  readonly limit?: number;
}

export interface JournalOptions {
  readonly shard?: Shard;
  readonly restart?: true;
}

export interface ClusteringOptions {
  readonly algorithm: ClusteringAlgorithm;
}

/** `--json`, `--seed`, `--config` and `--verbose`: every command that measures has them. */
export function addCommonOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('--seed <n>', 'seed of everything random', (text) => parseInteger('--seed', text, 0), 0)
    .option('--config <file>', 'take flags that are not given from this recipe')
    .option('--verbose', 'say more on stderr, with stack traces');
}

/** `--data` and how its samples are cut and normalised. */
export function addDataOptions(command: Command): Command {
  return addNormalizationOptions(
    command
      .requiredOption('--data <data>', `labelled data: ${DATASET_SPECS.join(', ')}`)
      .option('--limit <n>', 'use only the first n samples', (text) => parseInteger('--limit', text, 1)),
  );
}

/** `--mean` and `--std`. */
export function addNormalizationOptions(command: Command): Command {
  const numbers = (name: string) => (text: string) => parseList(text, (item) => parseNumber(name, item));
  return command
    .option('--mean <values>', 'subtracted from pixels in [0, 1], per channel', numbers('--mean'))
    .option('--std <values>', 'divides them afterwards, per channel', numbers('--std'));
}

/** `--algorithm`, for clusterers that have a choice. */
export function addAlgorithmOption(command: Command): Command {
  const choices: readonly ClusteringAlgorithm[] = ['lloyd', 'hartigan'];
  return command.addOption(
    new Option('--algorithm <name>', 'lloyd (the textbook method) or hartigan (goes on where it stalls)')
      .argParser((text) => parseChoice('--algorithm', text, choices))
      .default('hartigan'),
  );
}

/** `--clusterer`, `--sparsity` and `--round-to`: what is made of each layer. */
export function addClustererOptions(command: Command): Command {
  const builtIn = clusterers.builtIn.map(({ name }) => name).join(', ');
  return command
    .option('--clusterer <name>', `${builtIn}, a package or a path`, 'spherical')
    .option(
      '--sparsity <share>',
      'prune each layer to this share of zeros first',
      (text) => parseShare('--sparsity', text),
      0,
    )
    .option('--round-to <n>', 'keep every number of clusters a multiple of this, rounded up', (text) =>
      parseInteger('--round-to', text, 1),
    );
}

export interface ScaleOptions {
  readonly scale: ClusterScale;
}

/** `--scale`, for clusterers of directions. */
export function addScaleOption(command: Command): Command {
  const choices: readonly ClusterScale[] = ['norm', 'projected'];
  return command.addOption(
    new Option('--scale <name>', "spherical's factors: norm (the paper's) or projected on the centroid")
      .argParser((text) => parseChoice('--scale', text, choices))
      .default('norm'),
  );
}

export interface CalibrationChoice {
  readonly calibrate?: string;
  readonly calibrationSamples?: number;
}

/** `--calibrate` and `--calibration-samples`. */
export function addCalibrationOptions(command: Command): Command {
  return command
    .option(
      '--calibrate <data>',
      'refit the compressed layers on unlabelled inputs: data as for --data, or generated (no data needed)',
    )
    .option(
      '--calibration-samples <n>',
      `how many of them (default: ${DEFAULT_SAMPLES.data}, ${DEFAULT_SAMPLES.generated} when generated)`,
      (text) => parseInteger('--calibration-samples', text, 2),
    );
}

export interface FormatOptions {
  readonly format?: string;
}

/** `--format`. */
export function addFormatOption(command: Command): Command {
  return command.option(
    '--format <name>',
    `the model's format: ${modelFormats.builtIn.map(({ name }) => name).join(', ')}, a package or a path (default: by its name)`,
  );
}

export interface LatencyOptions {
  readonly latency?: number;
}

/** `--latency`. */
export function addLatencyOption(command: Command): Command {
  return command.option(
    '--latency <seconds>',
    'also time every setting for this long, one setting after the other',
    (text) => parsePositive('--latency', text),
  );
}

/** `--layers`. */
export function addLayersOption(command: Command): Command {
  return command.option(
    '--layers <names>',
    'layers to compress, separated by commas (default: all)',
    (text) => parseList(text, String),
  );
}

export interface DequantizeOption {
  readonly dequantize?: true;
}

/** `--dequantize`. */
export function addDequantizeOption(command: Command): Command {
  return command.option(
    '--dequantize',
    'take quantised weights as floats, and write those of compressed layers as such',
  );
}

/** `--threads`. */
export function addThreadsOption(command: Command): Command {
  return command.option('--threads <n>', 'threads that cluster (default: one per processor)', (text) =>
    parseInteger('--threads', text, 1),
  );
}

/** `--shard` and `--restart`, for sweeps into a folder. */
export function addJournalOptions(command: Command): Command {
  return command
    .option('--shard <i/n>', 'measure only part i of n of the settings; merge puts them together', parseShard)
    .option('--restart', 'forget what an interrupted run left in the folder of --out');
}

/** `--memory`. */
export function addMemoryOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--memory <size>',
      'the most that a Gram matrix may take; larger ones are computed block by block',
    )
      .argParser((text) => parseBytes('--memory', text))
      .default(freemem() / 2, 'half of what is free'),
  );
}

/** Parses a list of shares in [0, 1). */
export function shareList(name: string): (text: string) => number[] {
  return (text) => parseList(text, (item) => parseShare(name, item));
}

/** Opens the data set for a model's input. */
export async function openData(options: DataOptions, model: Model): Promise<Dataset> {
  const { data, limit, mean, std } = options;
  return openDataset(data, {
    sampleShape: singleInput(model).shape.slice(1),
    ...(limit === undefined ? {} : { limit }),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
  });
}

/** The data that `--data` names, if it was given. */
export async function openDataIfGiven(
  options: Partial<DataOptions>,
  model: Model,
): Promise<Dataset | undefined> {
  return options.data === undefined ? undefined : openData({ ...options, data: options.data }, model);
}

/** The inputs that `--calibrate` names, if it was given. */
export async function openCalibrationIfGiven(
  options: CalibrationChoice & NormalizationOptions & Pick<CommonOptions, 'seed'>,
  model: Model,
  evaluation: Dataset | undefined,
): Promise<OpenCalibration | undefined> {
  const { calibrate } = options;
  return calibrate === undefined ? undefined : openCalibration(model, { ...options, calibrate }, evaluation);
}
