import {
  type AssembledModel,
  type CalibrationInputs,
  clusterers,
  compressModel,
  InputError,
  type LayerReport,
  type Model,
  selectLayers,
} from '@spherize/core';
import { Command } from 'commander';
import { compressToTarget, targetSummary } from '../allocation/compress-to-target.js';
import { addTargetOptions, chosenTarget, type TargetOptions } from '../allocation/target-options.js';
import { GENERATED } from '../calibration/open-calibration.js';
import { requireClusteringMemory } from '../clustering/required-memory.js';
import { requireWritableFile, writeFileAtomically } from '../files/atomic-write.js';
import { gzipSize } from '../footprint/gzip-size.js';
import { comparisonTable, graphFootprint, staticFigures } from '../footprint/static-footprint.js';
import { parseRatios } from '../options/parse.js';
import {
  addAlgorithmOption,
  addCalibrationOptions,
  addClustererOptions,
  addCommonOptions,
  addDequantizeOption,
  addFormatOption,
  addLayersOption,
  addMemoryOption,
  addNormalizationOptions,
  addScaleOption,
  type CalibrationChoice,
  type ClusteringOptions,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
  type NormalizationOptions,
  openCalibrationIfGiven,
  openDataIfGiven,
  type ScaleOptions,
} from '../options/shared.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { filesOf, openModel, requireSameFormat } from '../plugins/model-formats.js';
import { requireRunnable, verifyRewrite } from '../proof/verify-rewrite.js';
import { effectiveRecipe, recipePath, recipeText } from '../recipe/recipe.js';
import { interruptible } from '../terminal/interrupt.js';
import { formatTable, logLine, megabytes, percent, printJson, printLine } from '../terminal/output.js';

interface CompressOptions
  extends CommonOptions,
    ClusteringOptions,
    DequantizeOption,
    FormatOptions,
    ScaleOptions,
    CalibrationChoice,
    NormalizationOptions,
    TargetOptions {
  readonly output: string;
  readonly clusterer: string;
  readonly ratio?: string[];
  readonly roundTo?: number;
  readonly layers?: string[];
  readonly sparsity: number;
  readonly memory: number;
}

/** `spherize compress MODEL -o OUT`: clusters the columns of the model's layers and writes the smaller model. */
export function compressCommand(): Command {
  const definition = new Command('compress')
    .description('compress the fully connected layers of a model and write it in its own format')
    .argument('<model>', 'model file, or the name of an embedded model')
    .requiredOption('-o, --output <file>', 'the model to write')
    .option(
      '--ratio <ratio>',
      'column reduction ratio in [0, 1), or LAYER=RATIO; repeat it or separate by commas',
      (text: string, before: string[] = []) => [...before, text],
    );
  return addCommonOptions(
    addNormalizationOptions(
      addCalibrationOptions(
        addScaleOption(
          addAlgorithmOption(
            addLayersOption(
              addMemoryOption(
                addDequantizeOption(addFormatOption(addTargetOptions(addClustererOptions(definition)))),
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
  const target = chosenTarget(options, options.ratio !== undefined);
  const ratios = parseRatios(options.ratio ?? []);
  const clusterer = await clusterers.find(options.clusterer, importFromWorkingFolder);
  await requireWritableFile(options.output);
  const opened = await openModel(source, options.format, options);
  const { model, bytes: bytesBefore } = opened;
  requireSameFormat(opened, options.output);
  const data = await openDataIfGiven(options, model);
  const calibration = await openCalibrationIfGiven(options, model, data);
  const sayWhatIsSkipped = (): void => {
    for (const { name, reason } of model.skipped) logLine(`not compressed: ${name}: ${reason}`);
  };
  const compressAsAsked = async (signal: AbortSignal): Promise<AssembledModel> => {
    const ratio = ratioOfLayers(model, options.layers, ratios);
    sayWhatIsSkipped();
    requireClusteringMemory(selectLayers(model, [...ratio.keys()]), options.memory, false);
    await requireRunnable(model);
    return compressModel(model, {
      clusterer,
      engine: matrixEngine(),
      ratio,
      roundTo: options.roundTo,
      sparsity: options.sparsity,
      algorithm: options.algorithm,
      scale: options.scale,
      seed: options.seed,
      memory: options.memory,
      calibration: calibration?.inputs,
      signal,
    });
  };
  const { result, reached, verified, bytesAfter, before, after, seconds } = await interruptible(
    async (interrupt) => {
      // The original's gzip size takes as long as the clustering: both at once, and before the output may replace the file.
      const failed = new AbortController();
      const gzipBefore = gzipSize(opened.files, AbortSignal.any([interrupt, failed.signal]));
      gzipBefore.catch(() => {});
      try {
        // Now, while nothing else is in memory: it may run the whole model.
        const footprintBefore = await graphFootprint(model);
        if (target) sayWhatIsSkipped();
        const { result, reached } = target
          ? await compressToTarget(opened, target, { data, calibration }, options, interrupt)
          : { result: await compressAsAsked(interrupt), reached: undefined };
        const verified = await verifyRewrite(model, result, { seed: options.seed, signal: interrupt });
        const before = {
          bytes: bytesBefore,
          gzipBytes: await gzipBefore,
          ...footprintBefore,
        };
        interrupt.throwIfAborted();
        const bytesAfter = await result.model.write(options.output);
        await writeFileAtomically(recipePath(options.output), recipeText(effectiveRecipe(command)));
        const seconds = (performance.now() - started) / 1000;
        const after = {
          bytes: bytesAfter,
          gzipBytes: await gzipSize(await filesOf(options.output, options.format), interrupt),
          ...(await graphFootprint(result.model)),
        };
        return { result, reached, verified, bytesAfter, before, after, seconds };
      } finally {
        failed.abort();
      }
    },
  );
  if (verified.deviation === null) logLine(`not verified: ${verified.reason}`);
  const layers = result.layers.map(({ fold, ...layer }) => ({ ...layer, fold: fold.reason }));
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
      ...(reached && { target: reached }),
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
  printLine(
    formatTable(['layer', 'columns', 'clusters', 'reduction', 'sparsity', 'rel. error', 'scales'], rows),
  );
  printLine(`\n${calibrationSummary(result.layers, calibration?.inputs)}`);
  printLine(`\n${comparisonTable(staticFigures(before, after))}`);
  if (verified.deviation !== null) {
    printLine(
      `\nverified: outputs differ from the ${verified.against} by ${verified.deviation.toExponential(1)} of the largest output`,
    );
  }
  if (reached) printLine(targetSummary(reached));
  const share = percent(bytesAfter / bytesBefore, 1);
  printLine(
    `${megabytes(bytesBefore)} → ${megabytes(bytesAfter)} (${share}) in ${seconds.toFixed(1)} s: ${options.output}`,
  );
}

/** What calibration did to each layer, in one line; or what it could do. */
function calibrationSummary(layers: readonly LayerReport[], inputs: CalibrationInputs | undefined): string {
  if (!inputs) return `not calibrated: --calibrate ${GENERATED} refits the layers, and needs no data`;
  const changes = layers.map(({ name, calibration }) => {
    if (!calibration) return name;
    const { errorBefore, errorAfter, strength } = calibration;
    return strength === null
      ? `${name} as it was (no refit lowers its error ${percent(errorBefore, 1)})`
      : `${name} ${percent(errorBefore, 1)} → ${percent(errorAfter, 1)}`;
  });
  return `calibrated on ${inputs.samples} inputs (${inputs.name}); output error on those held back: ${changes.join(', ')}`;
}

/** The ratio of each layer to compress: those of `--layers`, else those that `--ratio` names, else all. */
function ratioOfLayers(
  model: Model,
  names: readonly string[] | undefined,
  ratios: ReturnType<typeof parseRatios>,
): Map<string, number> {
  const own = new Map<string, number>();
  for (const [name, ratio] of ratios.byLayer) own.set(selectLayers(model, [name])[0]!.name, ratio);
  const chosen = selectLayers(model, names ?? (ratios.all === undefined ? [...own.keys()] : undefined));
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
