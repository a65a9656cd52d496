import {
  type CompressedModel,
  compressModel,
  groupSkipped,
  InputError,
  type Progress,
  type Reduction,
  selectLayers,
  selectWidths,
  storeCompressed,
  unreached,
} from '@spherize/core';
import { type OutputFidelity, outputFidelity } from '@spherize/core/evaluation';
import type { Verification } from '@spherize/core/proof';
import { replaceFile, requireMemory } from '@spherize/files';
import { Command } from 'commander';
import { searchNarrowTarget, searchTarget, targetSummary } from '../allocation/compress-to-target.js';
import {
  addTargetOptions,
  chosenTarget,
  type Target,
  type TargetOptions,
} from '../allocation/target-options.js';
import { GENERATED } from '../calibration/open-calibration.js';
import { unseenInputs } from '../calibration/unseen-inputs.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import { requireWritableFile } from '../files/output-places.js';
import { gzipSize } from '../footprint/gzip-size.js';
import { comparisonTable, graphFootprint, staticFigures } from '../footprint/static-footprint.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { parseRatios, type RatioItem, ratioItems } from '../options/parse.js';
import { openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { filesOf, openModel, requireSameFormat } from '../plugins/model-formats.js';
import { effectiveRecipe, recipePath, recipeText } from '../recipe/recipe.js';
import { storageFigures, storageLines } from '../storage/storage-summary.js';
import {
  addWeightsOption,
  requireNothingReduced,
  requireStorage,
  type WeightsOption,
} from '../storage/weights-option.js';
import { interruptible } from '../terminal/interrupt.js';
import { formatTable, logLine, megabytes, percent, printJson, printLine } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { skippedTable } from '../terminal/skipped-table.js';
import { visible } from '../terminal/visible.js';
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
  openCalibrationIfGiven,
  openCalibrationOrGenerated,
  openDataIfGiven,
  type ReduceOptions,
  requireNoLabelOptions,
  requireNoPruning,
  type ShapeOptions,
} from './shared-options.js';

interface CompressOptions
  extends CommonOptions,
    ShortForms,
    DequantizeOption,
    FormatOptions,
    CalibrationChoice,
    LabelOptions,
    NormalizationOptions,
    ShapeOptions,
    Pick<ReduceOptions, 'widths'>,
    WeightsOption,
    TargetOptions {
  readonly reduce: Reduction | typeof NO_REDUCTION;
  readonly output: string;
  readonly scores?: string;
  readonly clusterer: ClustererChoice;
  readonly ratio?: RatioItem[];
  readonly roundTo?: number;
  readonly layers?: string[];
  readonly sparsity: number;
  readonly memory: number;
}

/** `spherize compress MODEL -o OUT`: clusters the columns of the model's layers and writes the smaller model. */
export function compressCommand(): Command {
  const definition = new Command('compress')
    .description('make a model smaller, and write it in its own format')
    .argument('<model>', 'model file, or the name of an embedded model')
    .requiredOption('-o, --output <file>', 'the model to write')
    .option(
      '--ratio <ratio>',
      'column reduction ratio in [0, 1), or LAYER=RATIO; repeat it or separate by commas, a name with a comma in "quotes"',
      (value: Parameters<typeof ratioItems>[0], before: readonly RatioItem[] = []) => [
        ...before,
        ...ratioItems(value),
      ],
    )
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
                        addClustererOptions(addWeightsOption(addReduceOptions(definition, true))),
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
  const { reduce } = options;
  if (reduce === NO_REDUCTION) requireNothingReduced(options);
  const target = reduce === NO_REDUCTION ? undefined : chosenTarget(options, options.ratio !== undefined);
  const ratios = parseRatios(options.ratio ?? []);
  const { clusterer } = await openClusterer(options.clusterer, options);
  for (const path of [options.output, recipePath(options.output)]) await requireWritableFile(path);
  const opened = await openModel(source, options.format, options);
  const { model, bytes: bytesBefore } = opened;
  requireSameFormat(opened, options.output);
  if (options.data === undefined) requireNoLabelOptions(options);
  const data = await openDataIfGiven(options, model);
  requireStorage(model, options, opened.format.name);
  if (reduce !== 'columns') requireNoPruning(options);
  const openCalibration = reduce === 'columns' ? openCalibrationIfGiven : openCalibrationOrGenerated;
  const calibration = await openCalibration(options, model, data);
  const shared = {
    clusterer,
    engine: matrixEngine(),
    roundTo: options.roundTo,
    seed: options.seed,
    memory: options.memory,
    calibration: calibration?.inputs ?? 'none',
    storage: options.weights,
    requireMemory,
  } as const;
  const compressAsAsked = async (signal: AbortSignal): Promise<CompressedModel> => {
    if (reduce === NO_REDUCTION)
      return withProgress((onProgress) => compressModel(model, { ...shared, reduce, signal, onProgress }));
    const select =
      reduce === 'columns'
        ? (names?: readonly string[]) => selectLayers(model, names)
        : (names?: readonly string[]) => selectWidths(model, names, options.widths);
    const ratio = chosenRatios(select, options.layers, ratios);
    if (reduce === 'columns')
      requireClusteringMemory(selectLayers(model, [...ratio.keys()]), options.memory, false);
    const sparsity = reduce === 'columns' ? { sparsity: options.sparsity } : {};
    return withProgress((onProgress) =>
      compressModel(model, { ...shared, ...sparsity, reduce, ratio, signal, onProgress }),
    );
  };
  const reach = async (wanted: Target, signal: AbortSignal) => {
    if (reduce === 'columns' || reduce === NO_REDUCTION) {
      const found = await searchTarget(opened, wanted, { data, calibration }, options, signal);
      return { ...found, result: await storeCompressed(model, found.result, { ...shared, signal }) };
    }
    const { output, layers, widths } = options;
    return withProgress((onProgress) =>
      searchNarrowTarget(opened, wanted, {
        ...shared,
        output,
        layers,
        widths,
        reduce,
        data,
        signal,
        onProgress,
      }),
    );
  };
  const { result, reached, bytesAfter, before, after, fidelity, seconds } = await interruptible(
    async (interrupt) => {
      // The original's gzip size takes as long as the clustering: both at once, and before the output may replace the file.
      const failed = new AbortController();
      const gzipBefore = gzipSize(opened.files, AbortSignal.any([interrupt, failed.signal]));
      gzipBefore.catch(() => {});
      try {
        // Now, while nothing else is in memory: it may run the whole model.
        const footprintBefore = await graphFootprint(model);
        const { result, reached } = target
          ? await reach(target, interrupt)
          : { result: await compressAsAsked(interrupt), reached: undefined };
        const before = {
          bytes: bytesBefore,
          gzipBytes: await gzipBefore,
          ...footprintBefore,
        };
        const unseen = await unseenInputs(model, calibration, before.macs, options);
        const fidelity = await outputFidelity(model, result.model, unseen, {
          signal: interrupt,
          scores: options.scores,
        });
        interrupt.throwIfAborted();
        const bytesAfter = await result.model.write(options.output);
        await replaceFile(recipePath(options.output), recipeText(effectiveRecipe(command)));
        const seconds = (performance.now() - started) / 1000;
        const after = {
          bytes: bytesAfter,
          gzipBytes: await gzipSize(await filesOf(options.output, options.format), interrupt),
          ...(await graphFootprint(result.model)),
        };
        return { result, reached, bytesAfter, before, after, fidelity, seconds };
      } finally {
        failed.abort();
      }
    },
  );
  const verified = result.proof!;
  if (verified.deviation === null) logLine(`not verified: ${verified.reason}`);
  const notes = model.notes ?? [];
  const compressed = new Set(result.layers.map(({ name }) => name));
  const skipped =
    reduce === 'columns'
      ? model.skipped.filter(({ name }) => !compressed.has(name))
      : reduce === NO_REDUCTION
        ? []
        : unreached(model);
  const layers = result.layers.map(({ fold, ...layer }) => ({ ...layer, fold: fold.reason }));
  const { rounding } = result.model;
  const storage = rounding && { types: rounding.types, weightError: rounding.error };
  if (options.json) {
    printJson({
      model: source,
      output: options.output,
      bytesBefore,
      bytesAfter,
      gzipBytesBefore: before.gzipBytes,
      gzipBytesAfter: after.gzipBytes,
      parametersBefore: before.parameters,
      parametersAfter: after.parameters,
      macsBefore: before.macs,
      macsAfter: after.macs,
      layers,
      reductions: result.reductions,
      skipped,
      outputError: fidelity.outputError,
      agreement: fidelity.agreement,
      unseen: { inputs: fidelity.inputs, samples: fidelity.samples },
      ...(notes.length > 0 && { notes }),
      ...(reached && { target: reached }),
      ...(storage && { storage }),
      ...(result.storage && { storage: storageFigures(result.storage) }),
      verified,
      seconds,
    });
    return;
  }
  const rows = layers.map((layer) => [
    layer.name,
    String(layer.columns),
    String(layer.clusters),
    percent(layer.ratio, 1),
    percent(layer.sparsity, 1),
    layer.relativeError.toFixed(4),
    layer.fold,
  ]);
  if (reduce === 'neurons' || reduce === 'auto') printLine(reductionTable(result.reductions));
  if (rows.length > 0)
    printLine(
      formatTable(['layer', 'columns', 'clusters', 'reduction', 'sparsity', 'rel. error', 'scales'], rows),
    );
  const groups = groupSkipped(skipped);
  if (groups.length > 0) printLine(`\n${skippedTable(groups)}`);
  for (const note of notes) printLine(visible(`note: ${note}`));
  if (reduce !== NO_REDUCTION) printLine(`\n${calibrationSummary(result, reduce)}`);
  printLine(fidelitySummary(fidelity));
  printLine(`\n${comparisonTable(staticFigures(before, after))}`);
  if (verified.deviation !== null && reduce !== NO_REDUCTION) {
    printLine(
      `\nverified: outputs differ from the ${verified.against} by ${verified.deviation.toExponential(1)} of the largest output`,
    );
  }
  if (verified.deviation !== null && verified.vanishing !== undefined) {
    printLine(
      visible(
        `small weights of ${verified.vanishing.join(', ')} are lost in the types that store them: convert the model to float32 to keep them`,
      ),
    );
  }
  if (storage) printLine(storageSummary(storage, verified));
  if (result.storage) for (const line of storageLines(result.storage)) printLine(visible(line));
  if (reached) printLine(targetSummary(reached));
  const share = percent(bytesAfter / bytesBefore, 1);
  printLine(
    `${megabytes(bytesBefore)} → ${megabytes(bytesAfter)} (${share}) in ${seconds.toFixed(1)} s: ${options.output}`,
  );
}

/** What it cost that new weights are stored as the old ones were. */
function storageSummary(
  { types, weightError }: { types: readonly string[]; weightError: number },
  verified: Verification,
): string {
  const outputs =
    verified.deviation === null || verified.roundingDeviation === undefined
      ? ''
      : `, which moves the outputs by ${verified.roundingDeviation.toExponential(1)} of the largest`;
  return `storage: rewritten weights stay ${types.join(' and ')}; rounding changes them by ${weightError.toExponential(1)}${outputs}`;
}

/** Runs something long under a bar. */
async function withProgress<T>(run: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<T> {
  const bar = startProgress(100);
  try {
    return await run(({ phase, layer, share = 0 }) =>
      bar.show({
        detail: layer === undefined ? phase : `${phase} ${layer}`,
        done: Math.round(100 * share),
        total: 100,
      }),
    );
  } finally {
    bar.stop();
  }
}

/** What became of each width. */
function reductionTable(reductions: CompressedModel['reductions']): string {
  return formatTable(
    ['width', 'from', 'to', 'less', 'by'],
    reductions.map(({ width, from, to, kind }) => [
      width,
      String(from),
      String(to),
      percent(1 - to / from, 1),
      kind,
    ]),
  );
}

/** How close the outputs are on inputs that no refit has seen. */
function fidelitySummary({ outputError, agreement, samples, inputs }: OutputFidelity): string {
  if (samples === 0) return `outputs not compared: the model does not run on unseen inputs (${inputs})`;
  const parts = [
    ...(outputError === null ? [] : [`output error ${percent(outputError, 2)}`]),
    ...(agreement === null ? [] : [`the same largest score for ${percent(agreement, 1)}`]),
  ];
  if (parts.length === 0) return 'no output of floats that could be compared';
  return `on ${samples} unseen inputs (${inputs}): ${parts.join(', ')}`;
}

/** What calibration did to each layer, in one line; or what it could do. */
function calibrationSummary(
  { layers, calibration: inputs }: Pick<CompressedModel, 'layers' | 'calibration'>,
  reduce: Reduction,
): string {
  if (!inputs) return `not calibrated: --calibrate ${GENERATED} refits the layers, and needs no data`;
  if (reduce === 'neurons')
    return `what reads the widths was refitted on ${inputs.samples} inputs (${inputs.name})`;
  const changes = layers.map(({ name, calibration }) => {
    if (!calibration) return name;
    const { errorBefore, errorAfter, strength } = calibration;
    return strength === null
      ? `${name} as it was (no refit lowers its error ${percent(errorBefore, 1)})`
      : `${name} ${percent(errorBefore, 1)} → ${percent(errorAfter, 1)}`;
  });
  return `calibrated on ${inputs.samples} inputs (${inputs.name}); output error on those held back: ${changes.join(', ')}`;
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
