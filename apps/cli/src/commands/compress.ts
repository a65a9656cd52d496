import {
  type CalibrationInputs,
  type Clusterer,
  type CompressModelOptions,
  compressModel,
  InputError,
  type LatencyModel,
  type LongRunOptions,
  type Model,
  type Reduction,
  storeCompressed,
  type WeightType,
} from '@spherize/core';
import { defaultReduction, lightestStorage, measureLatency } from '@spherize/core/allocation';
import { fidelityTo, recordOutputs, wholeLatency } from '@spherize/core/evaluation';
import { NAMED_OPTIONS } from '@spherize/core/sweep';
import { replaceFile, requireMemory } from '@spherize/files';
import { Command } from 'commander';
import {
  searchBothTarget,
  searchColumnError,
  searchNarrowTarget,
  searchTarget,
} from '../allocation/compress-to-target.js';
import {
  addTargetOptions,
  chosenTarget,
  requireNoTiming,
  type Target,
  type TargetOptions,
} from '../allocation/target-options.js';
import { GENERATED, NONE } from '../calibration/open-calibration.js';
import { unseenInputs } from '../calibration/unseen-inputs.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import { comparedAccuracy } from '../compression/compared-accuracy.js';
import { defaultOutput, makeOutputFolder, removeIfEmpty } from '../compression/default-output.js';
import { nothingGained, timesFaster } from '../compression/gain.js';
import { type NothingToGain, type Outcome, outcomeDocument, printOutcome } from '../compression/outcome.js';
import { clusteredLayers, selectionFor } from '../compression/selection.js';
import { type MeasuredSize, sizesAround } from '../compression/sizes-around.js';
import { requireWritableFile } from '../files/output-places.js';
import { gzipSize } from '../footprint/gzip-size.js';
import { graphFootprint } from '../footprint/static-footprint.js';
import { writtenBytes } from '../footprint/written-bytes.js';
import { chosenRatios } from '../options/chosen-ratios.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { latencyModelText } from '../options/latency-model.js';
import { parseRatios, type RatioItem, ratioItems } from '../options/parse.js';
import { openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { withShapes, withUsualShapes } from '../plugins/fixed-shapes.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { filesOf, type OpenModel, openModel, requireSameFormat } from '../plugins/model-formats.js';
import { effectiveRecipe, recipePath, recipeText } from '../recipe/recipe.js';
import { compressionPage } from '../report/compression-page.js';
import { makeReportFolder, reportPlace } from '../report/report-place.js';
import {
  addWeightsOption,
  requireNothingReduced,
  requireStorage,
  storedAs,
  type WeightsOption,
} from '../storage/weights-option.js';
import { interruptible } from '../terminal/interrupt.js';
import { printJson } from '../terminal/output.js';
import { type Phases, startPhases } from '../terminal/phases.js';
import { versions } from '../versions.js';
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
  dividedDataIfGiven,
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

type OnProgress = NonNullable<LongRunOptions['onProgress']>;

/** Where the bar stands when compressing begins, when the result is compared, when other sizes are measured, and when all is written. */
const STAGES = { compressing: 0.02, comparing: 0.92, measuring: 0.98, writing: 0.98 } as const;
/** With other sizes, each of which takes as long as the last step. */
const STAGES_WITH_SIZES = { compressing: 0.02, comparing: 0.5, measuring: 0.55, writing: 0.98 } as const;

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
  readonly report?: string;
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
    .option(
      '--report <path>',
      'write a page about the run, with the error at other sizes: a file *.html, or a folder for report.html',
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
  const report = options.report === undefined ? undefined : await reportPlace(options.report);
  const phases = startPhases('reading');
  let outcome: Outcome | NothingToGain;
  try {
    const opened = await openWithShapes(source, options);
    const output = options.output ?? defaultOutput(source, opened.path);
    requireSameFormat(opened, output);
    outcome = await interruptible(async (signal) => {
      const found = await smaller({ opened, output, target, ratios, clusterer }, options, phases, signal);
      if ('reason' in found) return { ...found, seconds: secondsSince(started) };
      const { result } = found;
      phases.enter('writing', STAGES.writing);
      const bytes = await result.model.write(output);
      // What was measured makes the same file again.
      const timed = found.latencyModel && {
        measure: undefined,
        latencyModel: latencyModelText(found.latencyModel),
      };
      const kept = found.reduce === NO_REDUCTION ? { maxError: undefined } : maxErrorOf(target);
      const weights = found.weights === undefined ? {} : { weights: found.weights };
      const chosen = { output, reduce: found.reduce, ...kept, ...weights, ...timed };
      for (const [name, value] of Object.entries(chosen)) command.setOptionValue(name, value);
      const recipe = effectiveRecipe(command);
      await replaceFile(recipePath(output), recipeText(recipe));
      const seconds = secondsSince(started);
      const gzipBytes = await gzipSize(await filesOf(output, options.format), signal);
      const after = { bytes, gzipBytes, ...(await graphFootprint(result.model)) };
      const { sizes, latencyModel, weights: stored, ...figures } = found;
      const written = { ...figures, after, seconds, report };
      if (report !== undefined) {
        await makeReportFolder(report);
        await replaceFile(report, await compressionPage(written, { sizes, recipe, versions: versions() }));
      }
      return written;
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

/** The model; where no data say them, with lengths for its free axes. */
async function openWithShapes(source: string, options: CompressOptions): Promise<OpenModel> {
  const opened = await openModel(source, options.format, options);
  const made = options.data === undefined && (options.calibrate ?? GENERATED) === GENERATED;
  return made ? { ...opened, model: await withUsualShapes(opened.model) } : opened;
}

/** What is compressed, and how far. */
interface Task {
  readonly opened: OpenModel;
  readonly output: string;
  readonly target: Target | undefined;
  readonly ratios: ReturnType<typeof parseRatios>;
  readonly clusterer: Clusterer;
}

/** The smaller model, before it is written. */
interface Found extends Omit<Outcome, 'after' | 'seconds' | 'report'> {
  /** The same at other sizes, for a report. */
  readonly sizes: readonly MeasuredSize[];
  /** By which ratios were chosen; undefined for the runtime's own. */
  readonly latencyModel: LatencyModel | undefined;
  /** How weights are stored; undefined as the model's own are. */
  readonly weights: WeightType | undefined;
}

/** Everything but writing: the smaller model with its figures, or why there is none worth writing. */
async function smaller(
  task: Task,
  options: CompressOptions,
  phases: Phases,
  signal: AbortSignal,
): Promise<Found | Omit<NothingToGain, 'seconds'>> {
  const { output, target } = task;
  const { model: read, bytes, source, format } = task.opened;
  const wanted = options.reduce ?? defaultReduction(read, target);
  if (options.data === undefined) requireNoLabelOptions(options);
  requireStorage(read, options, format.name);
  if (wanted !== 'columns') requireNoPruning(options);
  else requireNoTiming(options);
  const stages = options.report === undefined ? STAGES : STAGES_WITH_SIZES;
  const nothing = async (reason: string): Promise<Omit<NothingToGain, 'seconds'>> => {
    if (options.output === undefined) await removeIfEmpty(output);
    return { source, bytes, reason };
  };
  const data = await openDataIfGiven(options, read);
  if (options.output === undefined) {
    await makeOutputFolder(output);
    await requireOutput(output);
  }
  const forDrop = target !== undefined && 'maxDrop' in target;
  const forError = target !== undefined && 'maxError' in target;
  const divided =
    wanted === NO_REDUCTION ? undefined : await dividedDataIfGiven(options, read, data, forDrop);
  const calibration = divided?.calibration ?? (await openCalibrationOrGenerated(options, read, data));
  const model = withShapes(read, calibration?.shapes ?? []);
  const opened = { ...task.opened, model };
  // The original's gzip size takes as long as the clustering: both at once, and before the output may replace the file.
  const failed = new AbortController();
  const gzipBefore = gzipSize(opened.files, AbortSignal.any([signal, failed.signal]));
  gzipBefore.catch(() => {});
  try {
    // Now, while nothing else is in memory: it may run the whole model.
    const footprint = await graphFootprint(model);
    let chosen: Promise<CalibrationInputs> | undefined;
    const choosing = (): Promise<CalibrationInputs> => {
      chosen ??= unseenInputs(model, calibration, footprint.macs, { ...options, seed: options.seed + 1 });
      return chosen;
    };
    const weights =
      options.weights ??
      (forError ? await lightest(model, target.maxError, await choosing(), signal) : undefined);
    const unlayered = wanted === 'columns' && model.layers.length === 0 && forError;
    if (unlayered && weights === undefined)
      return nothing('no layer of it can be compressed: spherize inspect says why');
    const reduce = unlayered ? NO_REDUCTION : wanted;
    const latencyModel =
      options.latencyModel ??
      (options.measure &&
        (await phases.part(0, stages.compressing, (onProgress) => {
          const { widths, seed } = options;
          const layers = reduce === 'both' ? undefined : options.layers;
          return measureLatency(model, { layers, widths, seed, signal, onProgress });
        })));
    const job: Job = {
      ...task,
      opened,
      reduce,
      data,
      calibration,
      choosing,
      latencyModel,
      pruned: reduce === 'columns' ? { sparsity: options.sparsity } : {},
      shared: {
        clusterer: task.clusterer,
        engine: matrixEngine(),
        roundTo: options.roundTo,
        seed: options.seed,
        memory: options.memory,
        calibration: calibration?.inputs ?? 'none',
        storage: weights,
        requireMemory,
        signal,
      },
    };
    const first = await phases.part(stages.compressing, stages.comparing, (onProgress) =>
      compressed(job, options, onProgress),
    );
    phases.enter('comparing', stages.comparing);
    const before = { bytes, gzipBytes: await gzipBefore, ...footprint };
    // Whether how the outputs change has chosen the ratios.
    const searched = target !== undefined && (forError || wanted !== 'columns');
    const found = await worthWriting(first, job, searched && !('size' in target));
    if ('reason' in found) return nothing(found.reason);
    const { result } = found;
    const unseen = await unseenInputs(model, calibration, before.macs, { ...options, again: searched });
    const recorded = await recordOutputs(model, unseen, { signal, scores: options.scores });
    const fidelity = await fidelityTo(recorded, result.model, { signal });
    // What `--max-drop` measures says more.
    const measured = forDrop ? undefined : (divided?.measured ?? data);
    const accuracy = measured && (await comparedAccuracy(model, result.model, measured, signal));
    signal.throwIfAborted();
    const sizes =
      options.report === undefined || found.reduce === NO_REDUCTION
        ? []
        : await sizesAround(
            model,
            result,
            { ...job.shared, ...job.pruned, reduce: found.reduce },
            { recorded, output, phases, from: stages.measuring, to: stages.writing },
          );
    return { source, output, model, ...found, fidelity, accuracy, before, sizes, latencyModel, weights };
  } finally {
    failed.abort();
  }
}

/** A task with all that it takes. */
interface Job extends Task {
  readonly reduce: Reduction | typeof NO_REDUCTION;
  readonly data: Awaited<ReturnType<typeof openDataIfGiven>>;
  readonly calibration: Awaited<ReturnType<typeof openCalibrationOrGenerated>>;
  /** Inputs that choose ratios, others than those of the calibration and of the comparison. */
  readonly choosing: () => Promise<CalibrationInputs>;
  readonly latencyModel: LatencyModel | undefined;
  readonly pruned: { readonly sparsity?: number };
  /** What every compression of it has in common. */
  readonly shared: Pick<
    CompressModelOptions,
    'clusterer' | 'engine' | 'roundTo' | 'calibration' | 'storage' | 'requireMemory'
  > & { readonly seed: number; readonly memory: number; readonly signal: AbortSignal };
}

type Compressed = Pick<Found, 'result' | 'reduce' | 'reached'>;

async function lightest(
  model: Model,
  maxError: number,
  inputs: CalibrationInputs,
  signal: AbortSignal,
): Promise<WeightType | undefined> {
  return lightestStorage(model, await recordOutputs(model, inputs, { signal }), maxError, { signal });
}

/** By given ratios, or by those that a target chooses. */
async function compressed(job: Job, options: CompressOptions, onProgress: OnProgress): Promise<Compressed> {
  const { opened, target, ratios, reduce, output, data, calibration, choosing, pruned, shared } = job;
  const { model } = opened;
  const { layers, widths, memory } = options;
  if (reduce === NO_REDUCTION) return unreduced(job, onProgress);
  if (target === undefined) {
    const ratio = chosenRatios(selectionFor(model, reduce, widths), layers, ratios);
    requireClusteringMemory(clusteredLayers(model, reduce, [...ratio.keys()]), memory, false);
    const result = await compressModel(model, { ...shared, ...pruned, reduce, ratio, onProgress });
    return { result, reduce, reached: undefined };
  }
  const { latencyModel } = job;
  if (reduce === 'both') {
    const own = { ...shared, latencyModel, output, layers, widths, inputs: await choosing(), onProgress };
    const found = await searchBothTarget(opened, target, own);
    return { ...found, reduce, result: await storeCompressed(model, found.result, shared) };
  }
  if (reduce !== 'columns') {
    const inputs = await choosing();
    const own = { ...shared, latencyModel, output, layers, widths, reduce, inputs, data, onProgress };
    return { ...(await searchNarrowTarget(opened, target, own)), reduce };
  }
  const own = { ...shared, ...pruned, calibration: calibration?.inputs, layers };
  const { signal } = shared;
  const found =
    'maxError' in target
      ? await searchColumnError(model, target, { ...own, inputs: await choosing(), onProgress })
      : await searchTarget(
          opened,
          target,
          { data, calibration },
          { ...options, output },
          { signal, onProgress },
        );
  return { ...found, reduce, result: await storeCompressed(model, found.result, shared) };
}

/** The model as it is, with its weights stored as the job says. */
async function unreduced({ opened, shared }: Job, onProgress?: OnProgress): Promise<Compressed> {
  const result = await compressModel(opened.model, { ...shared, reduce: NO_REDUCTION, onProgress });
  return { result, reduce: NO_REDUCTION, reached: undefined };
}

/**
 * What was found, with the times of both models.
 *
 * @param required whether it has to gain something: where it gains nothing over the stored model, that one is taken, and where that gains
 * nothing either, there is a reason instead
 */
async function worthWriting(
  found: Compressed,
  job: Job,
  required: boolean,
): Promise<(Compressed & Pick<Found, 'latency'>) | { readonly reason: string }> {
  const { opened, output, shared } = job;
  const { model, bytes } = opened;
  const { seed, signal } = shared;
  const latency = await wholeLatency(model, found.result.model, seed, { signal, requireMemory });
  if (!required) return { ...found, latency };
  const reason = await nothingGained(found.result.model, output, bytes, latency);
  const stored = storedAs(model, shared.storage);
  if (found.reduce !== NO_REDUCTION && stored !== model) {
    const bytesStored = await writtenBytes(stored, output);
    // Files that leave zeros out may be smaller than those of faster models: as many times faster may be as many times larger.
    const most = timesFaster(latency) * bytesStored;
    if ((await nothingGained(found.result.model, output, most, latency)) !== undefined) {
      const alone = await worthWriting(await unreduced(job), job, required);
      return 'reason' in alone && reason !== undefined ? { reason } : alone;
    }
  }
  return reason === undefined ? { ...found, latency } : { reason };
}

function maxErrorOf(target: Target | undefined): object {
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
