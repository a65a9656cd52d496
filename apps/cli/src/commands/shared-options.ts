/** Options that several commands have in common. */

import { freemem } from 'node:os';
import {
  clusterers,
  InputError,
  type Model,
  scoresOutput,
  type TensorInfo,
  type WidthsMeant,
} from '@spherize/core';
import { singleInput } from '@spherize/core/evaluation';
import { NAMED_OPTIONS } from '@spherize/core/sweep';
import { type Command, Option } from 'commander';
import { type DividedData, dividedData } from '../calibration/divided-data.js';
import {
  DEFAULT_SAMPLES,
  GENERATED,
  NONE,
  type OpenCalibration,
  openCalibration,
} from '../calibration/open-calibration.js';
import { readClassNames } from '../data/class-names.js';
import type { Dataset, DatasetOptions } from '../data/dataset.js';
import { DATASET_SPECS, isDataSpec, openDataset, unknownData } from '../data/open-dataset.js';
import { namesRecordedArrays, openLabelledInputs } from '../data/recorded-arrays.js';
import { requireMatchingClasses } from '../evaluation/matching-classes.js';
import { ChoiceOption } from '../options/choice-option.js';
import { clustererValue, type NamedOptions } from '../options/clusterer-choice.js';
import type { GivenShape } from '../options/parse.js';
import {
  type ListValue,
  parseBytes,
  parseChoice,
  parseInteger,
  parseList,
  parseNumber,
  parsePositive,
  parseShapes,
  parseShare,
  parseWhole,
} from '../options/parse.js';
import { modelFormats } from '../plugins/model-formats.js';
import { parseShard, type Shard } from '../sweep/shards.js';

export interface CommonOptions {
  readonly json?: true;
  readonly seed: number;
  readonly verbose?: true;
}

export interface NormalizationOptions {
  readonly mean?: number[];
  readonly std?: number[];
}

export interface LabelOptions {
  readonly labelOffset?: number;
  readonly classes?: string;
}

export interface DataOptions extends NormalizationOptions, LabelOptions {
  readonly data: string;
  readonly limit?: number;
  /** The output that labels are compared with. */
  readonly scores?: string | undefined;
}

export interface ShapeOptions {
  readonly shape?: GivenShape[];
}

export interface OutputOptions {
  readonly output?: string;
}

export interface JournalOptions {
  readonly shard?: Shard;
  readonly restart?: true;
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
    addLabelOptions(
      command
        .requiredOption('--data <data>', `labelled data: ${DATASET_SPECS.join(', ')}`)
        .option('--limit <n>', 'use only the first n samples', (text) => parseInteger('--limit', text, 1)),
    ),
  );
}

/** `--label-offset` and `--classes`. */
export function addLabelOptions(command: Command): Command {
  return command
    .option(
      '--label-offset <offset>',
      'added to every label: 1 where the model has a background class first',
      (text) => parseWhole('--label-offset', text),
    )
    .option(
      '--classes <file>',
      "the names of the model's classes in its order, one a line, for the folders of folder:",
    );
}

/** `--output`, where it does not name the file to write. */
export function addOutputOption(command: Command): Command {
  return command.option(
    '--output <name>',
    "the model's output with the scores of the classes (default: the first of floats with a score per class)",
  );
}

/** `--shape`. */
export function addShapeOption(command: Command): Command {
  return command.option(
    '--shape <shape>',
    'lengths for the free axes of an input, as in input=1,3,224,224 (? leaves one free); repeat it for others',
    (text: string, before: readonly GivenShape[] = []) => [...before, ...parseShapes(text)],
  );
}

/** @throws InputError `BAD_ARGUMENT` when there are options on labels but no data */
export function requireNoLabelOptions({ labelOffset, classes }: LabelOptions): void {
  if (labelOffset !== undefined || classes !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `${classes === undefined ? '--label-offset' : '--classes'} is about the labels of data, but there are none: give --data`,
    );
}

/** `--mean` and `--std`. */
export function addNormalizationOptions(command: Command): Command {
  const numbers = (name: string) => (list: ListValue) =>
    parseList(name, list, (item) => parseNumber(name, item));
  return command
    .option(
      '--mean <values>',
      'subtracted from pixels in [0, 1], per channel; for inputs of floats',
      numbers('--mean'),
    )
    .option('--std <values>', 'divides them afterwards, per channel', numbers('--std'));
}

/** `--algorithm` and `--scale`, for clusterers that have such options. */
export function addShortForms(command: Command): Command {
  for (const [name, option] of Object.entries(NAMED_OPTIONS)) {
    if (option.type !== 'enum') continue;
    command.addOption(
      new ChoiceOption(`--${name} <name>`, option.description, option.values)
        .argParser((text) => parseChoice(`--${name}`, text, option.values))
        .default(option.default),
    );
  }
  return command;
}

/** `--clusterer`, `--sparsity` and `--round-to`: what is made of each layer. */
export function addClustererOptions(command: Command, byDefault = 'spherical'): Command {
  const builtIn = clusterers.builtIn.map(({ name }) => name).join(', ');
  return command
    .option(
      '--clusterer <clusterer>',
      `${builtIn}, a package or a path; with options of its own as in spherical:scale=projected`,
      (value: string | NamedOptions) => clustererValue('--clusterer', value),
      byDefault,
    )
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

export interface ReduceOptions {
  readonly reduce: (typeof REDUCTIONS)[number];
  readonly widths: WidthsMeant;
}

const REDUCTIONS = ['columns', 'neurons', 'auto'] as const;
/** Nothing becomes smaller but how weights are stored. */
export const NO_REDUCTION = 'none';

/** `--reduce`. */
export function addReduceOption(command: Command): Command {
  return command.addOption(reduceOption(REDUCTIONS, '').default('columns'));
}

function reduceOption(kinds: readonly string[], more: string): Option {
  return new ChoiceOption(
    '--reduce <name>',
    `columns of layers, neurons (features leave whole widths: no operation is added), or auto: of each width what loses less${more}`,
    kinds,
  ).argParser((text) => parseChoice('--reduce', text, kinds));
}

/** `--reduce`, also `none`, and `--widths`; what is reduced by default depends on what says how far. */
export function addReduceOptions(command: Command): Command {
  const more =
    '; both: columns of fully connected layers and all other widths; none with --weights alone (default: columns with --ratio, else auto, or both where most weights are in wide layers)';
  return addWidthsOption(command.addOption(reduceOption([...REDUCTIONS, 'both', NO_REDUCTION], more)));
}

/** `--widths`. */
export function addWidthsOption(command: Command): Command {
  const meant: readonly WidthsMeant[] = ['all', 'inner'];
  return command.addOption(
    new ChoiceOption(
      '--widths <name>',
      'with neurons, auto and both, where none is named: all, or inner, which leaves those of residual sums alone',
      meant,
    )
      .argParser((text) => parseChoice('--widths', text, meant))
      .default('all'),
  );
}

/** @throws InputError `BAD_ARGUMENT` for a sparsity, which only layers whose columns are clustered are pruned to */
export function requireNoPruning({ sparsity }: { readonly sparsity: number }): void {
  if (sparsity > 0)
    throw new InputError(
      'BAD_ARGUMENT',
      '--sparsity prunes layers whose columns are clustered: leave it out, or take --reduce columns',
    );
}

export interface CalibrationChoice {
  readonly calibrate?: string;
  readonly calibrationSamples?: number;
}

/** `--calibrate` and `--calibration-samples`. */
export function addCalibrationOptions(command: Command): Command {
  return command
    .addOption(
      new ChoiceOption(
        '--calibrate <data>',
        'refit the compressed layers on unlabelled inputs: data as for --data, npz:FILE.npz or a folder: of .npy files with an array for each input of the model, a module that gives inputs, generated (no data needed) or none',
        [GENERATED, NONE],
      ),
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
  const names = modelFormats.builtIn.map(({ name }) => name);
  return command.addOption(
    new ChoiceOption(
      '--format <name>',
      `the model's format: ${names.join(', ')}, a package or a path (default: by its name)`,
      names,
    ),
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
    'layers to compress, separated by commas, a name with a comma in "quotes" (default: all)',
    (list: ListValue) => parseList('--layers', list, String),
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
      'the most that a Gram matrix may take, or what refits of widths record; larger Gram matrices are computed block by block',
    )
      .argParser((text) => parseBytes('--memory', text))
      .default(freemem() / 2, 'half of what is free'),
  );
}

/** Parses a list of shares in [0, 1). */
export function shareList(name: string): (list: ListValue) => number[] {
  return (list) => parseList(name, list, (item) => parseShare(name, item));
}

/**
 * Opens the data set for a model's inputs and scores.
 *
 * @throws InputError as `openDataset` does, and when the model has another number of classes
 */
export async function openData(options: DataOptions, model: Model): Promise<Dataset> {
  const { data, limit, mean, std, labelOffset, classes, scores } = options;
  // Before data are read: an output that is not there.
  scoresOutput(model, scores);
  const given = {
    ...(limit === undefined ? {} : { limit }),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    ...(labelOffset === undefined ? {} : { labelOffset }),
    ...(classes === undefined ? {} : { classNames: await readClassNames(classes) }),
    ...(scores === undefined ? {} : { scores }),
  };
  const opened =
    model.inputs.length > 1
      ? await openForSeveral(data, model, given)
      : await openForOne(data, singleInput(model), given);
  await requireMatchingClasses(model, opened, labelOffset);
  return opened;
}

function openForOne(
  data: string,
  { name, shape, type }: TensorInfo,
  given: DatasetOptions,
): Promise<Dataset> {
  return openDataset(data, { ...given, input: name, sampleShape: shape.slice(1), type });
}

/** @throws InputError `UNSUPPORTED` for data that hold one array of samples, or pictures */
async function openForSeveral(data: string, model: Model, given: DatasetOptions): Promise<Dataset> {
  if (await namesRecordedArrays(data)) return openLabelledInputs(data, model, given);
  if (!isDataSpec(data)) throw unknownData(data);
  const names = model.inputs.map(({ name }) => name).join(', ');
  throw new InputError(
    'UNSUPPORTED',
    `--data ${data}: the model has ${model.inputs.length} inputs (${names}): give npz:FILE.npz, or a folder: of .npy files, with an array for each and one of class indices called labels`,
  );
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
  options: CalibrationChoice &
    NormalizationOptions &
    Pick<CommonOptions, 'seed'> &
    Pick<DataOptions, 'scores'>,
  model: Model,
  evaluation: Dataset | undefined,
): Promise<OpenCalibration | undefined> {
  const { calibrate } = options;
  if (calibrate === undefined || calibrate === NONE) return undefined;
  return openCalibration(model, { ...options, calibrate }, evaluation);
}

/**
 * What `--data` gives where nothing says what to refit on: inputs for the refit, and the samples that no refit sees.
 *
 * @param searched whether `--max-drop` chooses and decides by the same data
 * @returns undefined with `--calibrate`, without data, and where they are too few for both
 */
export async function dividedDataIfGiven(
  { calibrate, calibrationSamples: samples, seed }: CalibrationChoice & Pick<CommonOptions, 'seed'>,
  model: Model,
  data: Dataset | undefined,
  searched: boolean,
): Promise<DividedData | undefined> {
  if (calibrate !== undefined || data === undefined) return undefined;
  return dividedData(model, data, { seed, samples, searched });
}

/** The inputs that `--calibrate` names; without it generated ones, or none where the model takes what cannot be made up. */
export async function openCalibrationOrGenerated(
  options: Parameters<typeof openCalibrationIfGiven>[0],
  model: Model,
  evaluation: Dataset | undefined,
): Promise<OpenCalibration | undefined> {
  if (options.calibrate !== undefined) return openCalibrationIfGiven(options, model, evaluation);
  try {
    return await openCalibration(model, { ...options, calibrate: GENERATED }, evaluation);
  } catch (error) {
    if (error instanceof InputError && error.code === 'UNSUPPORTED') return undefined;
    throw error;
  }
}
