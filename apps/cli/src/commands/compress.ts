import {
  type Clusterer,
  compressModel,
  findWidths,
  InputError,
  type Model,
  type Reduction,
  selectLayers,
  selectWidths,
  storeCompressed,
} from '@spherize/core';
import { outputFidelity, wholeLatency } from '@spherize/core/evaluation';
import { NAMED_OPTIONS } from '@spherize/core/sweep';
import { replaceFile, requireMemory } from '@spherize/files';
import { Command } from 'commander';
import { searchNarrowTarget, searchTarget } from '../allocation/compress-to-target.js';
import {
  addTargetOptions,
  chosenTarget,
  type Target,
  type TargetOptions,
} from '../allocation/target-options.js';
import { NONE } from '../calibration/open-calibration.js';
import { unseenInputs } from '../calibration/unseen-inputs.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import { defaultOutput, makeOutputFolder, removeIfEmpty } from '../compression/default-output.js';
import { nothingGained } from '../compression/gain.js';
import { type NothingToGain, type Outcome, outcomeDocument, printOutcome } from '../compression/outcome.js';
import { requireWritableFile } from '../files/output-places.js';
import { gzipSize } from '../footprint/gzip-size.js';
import { graphFootprint } from '../footprint/static-footprint.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { parseRatios, type RatioItem, ratioItems } from '../options/parse.js';
import { openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { filesOf, type OpenModel, openModel, requireSameFormat } from '../plugins/model-formats.js';
import { effectiveRecipe, recipePath, recipeText } from '../recipe/recipe.js';
import {
  addWeightsOption,
  requireNothingReduced,
  requireStorage,
  type WeightsOption,
} from '../storage/weights-option.js';
import { interruptible } from '../terminal/interrupt.js';
import { printJson } from '../terminal/output.js';
import { type Phases, startPhases } from '../terminal/phases.js';
import {
  addCalibrationOptions,
  addClustererOptions,
  addCommonOptions,
  addDequantizeOption,
  addFormatOption,
  addLabelOptions,
  addLayersOption,
  addMemoryOption,
  addNormalizationOptions,
  addReduceOptions,
  addShapeOption,
  addShortForms,
  type CalibrationChoice,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
  type LabelOptions,
  NO_REDUCTION,
  type NormalizationOptions,
  openCalibrationOrGenerated,
  openDataIfGiven,
  type ReduceOptions,
  requireNoLabelOptions,
  requireNoPruning,
  type ShapeOptions,
} from './shared-options.js';

/** Where the bar stands when compressing begins, when the result is compared, and when it is written. */
const [COMPRESSING, COMPARING, WRITING] = [0.02, 0.92, 0.98];

interface CompressOptions
  extends CommonOptions,
    ShortForms,
    DequantizeOption,
    FormatOptions,
    CalibrationChoice,
    LabelOptions,
    NormalizationOptions,
    ShapeOptions,
    Omit<ReduceOptions, 'reduce'>,
    WeightsOption,
    TargetOptions {
  readonly reduce?: Reduction | typeof NO_REDUCTION;
  readonly output?: string;
  readonly paper?: true;
  readonly wide?: true;
  readonly scores?: string;
  readonly clusterer: ClustererChoice;
  readonly ratio?: RatioItem[];
  readonly roundTo?: number;
  readonly layers?: string[];
  readonly sparsity: number;
  readonly memory: number;
}

/** `spherize compress MODEL`: makes the model's widths narrower or clusters the columns of its layers, and writes the smaller model. */
export function compressCommand(): Command {
  const definition = new Command('compress')
    .description('make a model smaller, and write it in its own format')
    .argument('<model>', 'model file, or the name of an embedded model')
    .option(
      '-o, --output <file>',
      'the model to write (default: NAME.small.onnx beside it, or a folder NAME.small)',
    )
    .option(
      '--ratio <ratio>',
      'column reduction ratio in [0, 1), or LAYER=RATIO; repeat it or separate by commas, a name with a comma in "quotes"',
      (value: Parameters<typeof ratioItems>[0], before: readonly RatioItem[] = []) => [
        ...before,
        ...ratioItems(value),
      ],
    )
    .option(
      '--paper',
      "the paper's method exactly: columns, spherical clustering by Lloyd's algorithm, nothing refitted; needs --ratio",
    )
    .option('--wide', 'list every width, layer and tensor, however many there are')
    .option(
      '--scores <name>',
      "the model's output with the scores of the classes (default: the first of floats with a score per class)",
    );
  return addCommonOptions(
    addNormalizationOptions(
      addCalibrationOptions(
        addShortForms(
          addLayersOption(
            addMemoryOption(
              addDequantizeOption(
                addFormatOption(
                  addShapeOption(
                    addLabelOptions(
                      addTargetOptions(
                        addClustererOptions(addWeightsOption(addReduceOptions(definition)), 'rank-one'),
                      ),
                    ),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  ).action(compress);
}

async function compress(source: string, options: CompressOptions, command: Command): Promise<void> {
  const started = performance.now();
  followPaper(options, command);
  followShortForms(command);
  if (options.reduce === NO_REDUCTION) requireNothingReduced(options);
  const target =
    options.reduce === NO_REDUCTION ? undefined : chosenTarget(options, options.ratio !== undefined);
  const ratios = parseRatios(options.ratio ?? []);
  const { clusterer } = await openClusterer(options.clusterer, options);
  if (options.output !== undefined) await requireOutput(options.output);
  const phases = startPhases('reading');
  let outcome: Outcome | NothingToGain;
  try {
    const opened = await openModel(source, options.format, options);
    const output = options.output ?? defaultOutput(source, opened.path);
    requireSameFormat(opened, output);
    outcome = await interruptible(async (signal) => {
      const found = await smaller({ opened, output, target, ratios, clusterer }, options, phases, signal);
      if ('reason' in found) return { ...found, seconds: secondsSince(started) };
      const { result } = found;
      phases.enter('writing', WRITING);
      const bytes = await result.model.write(output);
      for (const [name, value] of Object.entries({ output, reduce: found.reduce, ...maxError(target) }))
        command.setOptionValue(name, value);
      await replaceFile(recipePath(output), recipeText(effectiveRecipe(command)));
      const seconds = secondsSince(started);
      const gzipBytes = await gzipSize(await filesOf(output, options.format), signal);
      return { ...found, after: { bytes, gzipBytes, ...(await graphFootprint(result.model)) }, seconds };
    });
  } finally {
    phases.stop();
  }
  if (options.json) printJson(outcomeDocument(outcome));
  else printOutcome(outcome, options.wide);
}

/** `--algorithm` and `--scale` are options of the textbook clusterers: with one of them and no other clusterer, spherical is meant. */
function followShortForms(command: Command): void {
  if (!isGiven(command, 'clusterer') && Object.keys(NAMED_OPTIONS).some((name) => isGiven(command, name)))
    command.setOptionValue('clusterer', 'spherical');
}

/** Whether an option has a value of its own, typed or from a recipe. */
function isGiven(command: Command, name: string): boolean {
  return ![undefined, 'default'].includes(command.getOptionValueSource(name));
}

/** What is compressed, and how far. */
interface Task {
  readonly opened: OpenModel;
  readonly output: string;
  readonly target: Target | undefined;
  readonly ratios: ReturnType<typeof parseRatios>;
  readonly clusterer: Clusterer;
}

/** Everything but writing: the smaller model with its figures, or why there is none worth writing. */
async function smaller(
  { opened, output, target, ratios, clusterer }: Task,
  options: CompressOptions,
  phases: Phases,
  signal: AbortSignal,
): Promise<Omit<Outcome, 'after' | 'seconds'> | Omit<NothingToGain, 'seconds'>> {
  const { model, bytes, source } = opened;
  const { layers, widths, seed, roundTo, memory } = options;
  const reduce = options.reduce ?? reductionFor(model, target);
  if (options.data === undefined) requireNoLabelOptions(options);
  requireStorage(model, options, opened.format.name);
  if (reduce !== 'columns') requireNoPruning(options);
  const nothing = (reason: string) => ({ source, bytes, reason });
  if (target !== undefined && 'maxError' in target) {
    if (options.reduce === 'columns')
      throw new InputError(
        'BAD_ARGUMENT',
        '--max-error chooses what leaves widths: take --reduce neurons or auto, or give a --ratio for columns',
      );
    if (reduce === 'columns')
      return nothing('none of its widths can become narrower: spherize inspect says why');
  }
  const data = await openDataIfGiven(options, model);
  if (options.output === undefined) {
    await makeOutputFolder(output);
    await requireOutput(output);
  }
  const calibration = await openCalibrationOrGenerated(options, model, data);
  const shared = {
    clusterer,
    engine: matrixEngine(),
    roundTo,
    seed,
    memory,
    calibration: calibration?.inputs ?? 'none',
    storage: options.weights,
    requireMemory,
    signal,
  } as const;
  // The original's gzip size takes as long as the clustering: both at once, and before the output may replace the file.
  const failed = new AbortController();
  const gzipBefore = gzipSize(opened.files, AbortSignal.any([signal, failed.signal]));
  gzipBefore.catch(() => {});
  try {
    // Now, while nothing else is in memory: it may run the whole model.
    const footprint = await graphFootprint(model);
    const { result, reached } = await phases.part(COMPRESSING, COMPARING, async (onProgress) => {
      if (reduce === NO_REDUCTION) {
        const result = await compressModel(model, { ...shared, reduce, onProgress });
        return { result, reached: undefined };
      }
      if (target === undefined) {
        const ratio =
          reduce === 'columns'
            ? chosenRatios((names) => selectLayers(model, names), layers, ratios)
            : chosenRatios((names) => selectWidths(model, names, widths), layers, ratios);
        if (reduce === 'columns')
          requireClusteringMemory(selectLayers(model, [...ratio.keys()]), memory, false);
        const sparsity = reduce === 'columns' ? { sparsity: options.sparsity } : {};
        const result = await compressModel(model, { ...shared, ...sparsity, reduce, ratio, onProgress });
        return { result, reached: undefined };
      }
      if (reduce === 'columns' && !('maxError' in target)) {
        const search = { ...options, output };
        const found = await searchTarget(opened, target, { data, calibration }, search, {
          signal,
          onProgress,
        });
        return { ...found, result: await storeCompressed(model, found.result, shared) };
      }
      const inputs = await unseenInputs(model, calibration, footprint.macs, { ...options, seed: seed + 1 });
      return searchNarrowTarget(opened, target, {
        ...shared,
        output,
        layers,
        widths,
        reduce: reduce === 'columns' ? 'auto' : reduce,
        inputs,
        data,
        onProgress,
      });
    });
    phases.enter('comparing', COMPARING);
    const before = { bytes, gzipBytes: await gzipBefore, ...footprint };
    const unseen = await unseenInputs(model, calibration, before.macs, options);
    const fidelity = await outputFidelity(model, result.model, unseen, { signal, scores: options.scores });
    const latency = await wholeLatency(model, result.model, seed, { signal, requireMemory });
    signal.throwIfAborted();
    const worth = target !== undefined && reduce !== 'columns' && !('size' in target);
    const reason = worth ? await nothingGained(result.model, output, bytes, latency) : undefined;
    if (reason !== undefined) {
      if (options.output === undefined) await removeIfEmpty(output);
      return nothing(reason);
    }
    return { source, output, model, result, reduce, reached, fidelity, latency, before };
  } finally {
    failed.abort();
  }
}

/**
 * What becomes smaller where nothing says it: columns for given ratios, and for targets of models that are mostly layers of one product per
 * sample; of all others each width by what loses less.
 */
function reductionFor(model: Model, target: Target | undefined): Reduction {
  if (target === undefined || model.features === undefined) return 'columns';
  if (findWidths(model.graph).widths.every(({ reason }) => reason !== undefined)) return 'columns';
  return 'maxError' in target || !mostlyProducts(model) ? 'auto' : 'columns';
}

/** Whether most values of a model are in fully connected layers that compute one product per sample: those wait for memory. */
function mostlyProducts({ graph, layers, parameters }: Model): boolean {
  const once = new Set(
    graph.operations.flatMap(({ flow, outputs }) =>
      flow.type === 'layer' && (graph.shape(outputs[0]!)?.length ?? 0) <= 2 ? [flow.layer] : [],
    ),
  );
  const values = layers.reduce(
    (sum, { name, outputs, inputs }) => sum + (once.has(name) ? outputs * inputs : 0),
    0,
  );
  return 2 * values > parameters;
}

function maxError(target: Target | undefined): object {
  return target !== undefined && 'maxError' in target ? target : {};
}

/**
 * `--paper`, in terms of the flags that it stands for.
 *
 * @throws InputError `BAD_ARGUMENT` when one of them is given as well, or no ratio
 */
function followPaper(options: CompressOptions, command: Command): void {
  if (options.paper === undefined) return;
  const meant = { reduce: 'columns', clusterer: 'spherical', algorithm: 'lloyd', calibrate: NONE };
  const given = Object.keys(meant).find((name) => isGiven(command, name));
  if (given !== undefined)
    throw new InputError('BAD_ARGUMENT', `--paper says what --${given} is: leave one of them out`);
  if (options.ratio === undefined)
    throw new InputError('BAD_ARGUMENT', '--paper compresses to a given ratio: add --ratio');
  for (const [name, value] of Object.entries(meant)) command.setOptionValue(name, value);
  command.setOptionValue('paper', undefined);
}

async function requireOutput(output: string): Promise<void> {
  for (const path of [output, recipePath(output)]) await requireWritableFile(path);
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}

/** The ratio of each layer or width to compress: those of `--layers`, else those that `--ratio` names, else all. */
function chosenRatios(
  select: (names?: readonly string[]) => readonly { readonly name: string }[],
  names: readonly string[] | undefined,
  ratios: ReturnType<typeof parseRatios>,
): Map<string, number> {
  const own = new Map<string, number>();
  for (const [name, ratio] of ratios.byLayer) own.set(select([name])[0]!.name, ratio);
  const chosen = select(names ?? (ratios.all === undefined ? [...own.keys()] : undefined));
  const byLayer = new Map<string, number>();
  for (const { name } of chosen) {
    const ratio = own.get(name) ?? ratios.all;
    if (ratio === undefined)
      throw new InputError('BAD_ARGUMENT', `--layers names '${name}', but no --ratio applies to it: add one`);
    byLayer.set(name, ratio);
  }
  const outside = [...own.keys()].find((name) => !byLayer.has(name));
  if (outside !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--ratio names '${outside}', which --layers leaves out: add it there`,
    );
  return byLayer;
}
