import { type FcLayer, InputError, selectLayers, selectWidths } from '@spherize/core';
import {
  CURVE_RATIOS,
  type MeasuredCurve,
  measureCurves,
  measureWidths,
  type WidthCurve,
} from '@spherize/core/allocation';
import { evaluateModel } from '@spherize/core/evaluation';
import { requireRunnable } from '@spherize/core/proof';
import { OutputProbe } from '@spherize/core/trials';
import { Command } from 'commander';
import { openTrials } from '../allocation/open-trials.js';
import { unseenInputs } from '../calibration/unseen-inputs.js';
import type { Dataset } from '../data/dataset.js';
import { DATASET_SPECS } from '../data/open-dataset.js';
import { graphFootprint } from '../footprint/static-footprint.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { parseInteger } from '../options/parse.js';
import { openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { type OpenModel, openModel } from '../plugins/model-formats.js';
import { interruptible } from '../terminal/interrupt.js';
import { formatTable, percent, printJson, printLine } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
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
  addOutputOption,
  addReduceOption,
  addShapeOption,
  addShortForms,
  addThreadsOption,
  addWidthsOption,
  type CalibrationChoice,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
  type LabelOptions,
  type NormalizationOptions,
  type OutputOptions,
  openCalibrationIfGiven,
  openCalibrationOrGenerated,
  openDataIfGiven,
  type ReduceOptions,
  requireNoLabelOptions,
  requireNoPruning,
  type ShapeOptions,
  shareList,
} from './shared-options.js';

interface ScanOptions
  extends CommonOptions,
    ShortForms,
    DequantizeOption,
    FormatOptions,
    CalibrationChoice,
    LabelOptions,
    NormalizationOptions,
    OutputOptions,
    ReduceOptions,
    ShapeOptions {
  readonly data?: string;
  readonly limit?: number;
  readonly ratios: number[];
  readonly clusterer: ClustererChoice;
  readonly sparsity: number;
  readonly layers?: string[];
  readonly memory: number;
  readonly roundTo?: number;
  readonly threads?: number;
  readonly restart?: true;
}

/** `spherize scan MODEL`: what the model loses when one layer, or one width, alone is compressed, for each of them and ratio. */
export function scanCommand(): Command {
  const definition = new Command('scan')
    .description('measure what compressing each layer, or each width, alone costs, at several ratios')
    .argument('<model>', 'model file, or the name of an embedded model')
    .option(
      '--data <data>',
      `labelled data to measure accuracy on: ${DATASET_SPECS.join(', ')}; without: the error of the outputs on generated inputs`,
    )
    .option('--limit <n>', 'use only its first n samples', (text) => parseInteger('--limit', text, 1))
    .option('--ratios <list>', 'column reduction ratios', shareList('--ratios'), [...CURVE_RATIOS]);
  const command = addWidthsOption(
    addReduceOption(addClustererOptions(addLabelOptions(addOutputOption(addShapeOption(definition))))),
  ).option('--restart', 'measure anew what earlier runs have kept');
  return addCommonOptions(
    addNormalizationOptions(
      addCalibrationOptions(
        addShortForms(
          addLayersOption(addMemoryOption(addThreadsOption(addDequantizeOption(addFormatOption(command))))),
        ),
      ),
    ),
  ).action(scan);
}

async function scan(source: string, options: ScanOptions): Promise<void> {
  const opened = await openModel(source, options.format, options);
  const { model } = opened;
  const { restart, ratios } = options;
  if (options.data === undefined && options.limit !== undefined)
    throw new InputError('BAD_ARGUMENT', '--limit cuts data, but there are none: give --data');
  if (options.data === undefined) requireNoLabelOptions(options);
  const trialOptions = { ...options, scores: options.output };
  const data = await openDataIfGiven(trialOptions, model);
  if (options.reduce !== 'columns') {
    await scanWidths(source, opened, trialOptions, data);
    return;
  }
  const calibration = await openCalibrationIfGiven(trialOptions, model, data);
  const layers = selectLayers(model, options.layers);
  await requireRunnable(model);
  const { curves, top1, samples, kept } = await interruptible(async (signal) => {
    const progress = startProgress(layers.length * ratios.length);
    progress.show({ detail: 'original' });
    try {
      const probed = data && { data };
      const open = await openTrials(opened, layers, { probe: probed, calibration }, trialOptions, {
        restart,
        signal,
      });
      try {
        const { seed, mean, std } = options;
        const probe = await OutputProbe.record(open.trials, { data, seed, mean, std, signal });
        const curves = await measureCurves(open.trials, probe, {
          ratios,
          measurements: open.cache,
          ahead: open.pool.threads + 1,
          signal,
          onProgress: progress.show,
        });
        return { curves, top1: probe.top1, samples: probe.samples, kept: open.cache.path };
      } finally {
        await open.pool.close();
      }
    } finally {
      progress.stop();
    }
  });
  if (options.json) {
    printJson({
      model: source,
      data: data?.name ?? null,
      samples,
      calibrated: calibration !== undefined,
      baseline: top1 === null ? null : { top1 },
      layers: curves.map((curve) => ({
        name: curve.layer.name,
        outputs: curve.layer.outputs,
        columns: curve.layer.inputs,
        points: pointsOf(curve, top1),
      })),
      kept,
    });
    return;
  }
  printLine(scanTable(curves, ratios, top1));
  const measured =
    top1 === null
      ? `output error, Σ‖y − ŷ‖² / Σ‖y − ȳ‖², on ${samples} generated inputs`
      : `top-1 accuracy on ${samples} samples of ${data?.name}; uncompressed: ${percent(top1)}`;
  printLine(`\nOne layer compressed at a time: ${measured}.`);
}

/** What the model loses when one width alone becomes narrower. */
async function scanWidths(
  source: string,
  { model }: OpenModel,
  options: ScanOptions & { readonly scores: string | undefined },
  data: Dataset | undefined,
): Promise<void> {
  const { reduce, ratios, seed, roundTo } = options;
  requireNoPruning(options);
  const widths = selectWidths(model, options.layers, options.widths);
  const { clusterer } = await openClusterer(options.clusterer, options);
  const calibration = await openCalibrationOrGenerated(options, model, data);
  await requireRunnable(model);
  const { curves, top1, inputs } = await interruptible(async (signal) => {
    const progress = startProgress(widths.length * ratios.length);
    progress.show({ detail: 'original' });
    try {
      const { macs } = await graphFootprint(model);
      const inputs = await unseenInputs(model, calibration, macs, options);
      const top1 = data === undefined ? null : (await evaluateModel(model, data, { signal })).top1;
      const curves = await measureWidths(model, widths, {
        reduce,
        ratios,
        clusterer,
        engine: matrixEngine(),
        calibration: calibration?.inputs ?? 'none',
        roundTo,
        seed,
        inputs,
        data,
        signal,
        onProgress: progress.show,
      });
      return { curves, top1, inputs };
    } finally {
      progress.stop();
    }
  });
  if (options.json) {
    printJson({
      model: source,
      data: data?.name ?? null,
      samples: data?.samples ?? inputs.samples,
      calibrated: calibration !== undefined,
      baseline: top1 === null ? null : { top1 },
      widths: curves.map(({ width, points }) => ({
        name: width.name,
        size: width.size,
        parameters: width.parameters,
        points: points.map(({ width: _, top1: own, ...point }) => ({
          ...point,
          ...(own !== null && { top1: own }),
        })),
      })),
    });
    return;
  }
  printLine(widthsTable(curves, ratios));
  const measured =
    top1 === null
      ? `output error, Σ‖y − ŷ‖² / Σ‖y − ȳ‖², on ${inputs.samples} unseen inputs (${inputs.name})`
      : `top-1 accuracy on ${data?.samples} samples of ${data?.name}; uncompressed: ${percent(top1)}`;
  printLine(`\nOne width reduced at a time, by the share of its features that leaves: ${measured}.`);
}

function widthsTable(curves: readonly WidthCurve[], ratios: readonly number[]): string {
  const rows = curves.map(({ width, points }) => [
    width.name,
    String(width.size),
    String(width.parameters),
    ...points.map(({ top1, outputError }) => percent(top1 ?? outputError ?? 0, 1)),
  ]);
  return formatTable(['width', 'features', 'parameters', ...ratios.map(String)], rows);
}

interface ReportedPoint {
  readonly ratio: number;
  readonly clusters: number;
  readonly outputError: number;
  readonly top1?: number;
}

function pointsOf({ points }: MeasuredCurve, top1: number | null): ReportedPoint[] {
  return points.map(({ ratio, clusters, outputError, hits }) => ({
    ratio,
    clusters,
    outputError,
    ...(hits && top1 !== null && { top1: top1 - (hits.lost - hits.gained) / hits.samples }),
  }));
}

function scanTable(curves: readonly MeasuredCurve[], ratios: readonly number[], top1: number | null): string {
  const total = curves.reduce((sum, { layer }) => sum + weightsOf(layer), 0);
  const rows = curves.map((curve) => [
    curve.layer.name,
    `${curve.layer.outputs} × ${curve.layer.inputs}`,
    percent(weightsOf(curve.layer) / total, 1),
    ...pointsOf(curve, top1).map((point) => percent(point.top1 ?? point.outputError, 1)),
  ]);
  return formatTable(['layer', 'size', 'weights', ...ratios.map((ratio) => `ρ = ${ratio}`)], rows);
}

function weightsOf({ inputs, outputs }: FcLayer): number {
  return inputs * outputs;
}
