import { type FcLayer, InputError, selectLayers } from '@spherize/core';
import { CURVE_RATIOS, type MeasuredCurve, measureCurves } from '@spherize/core/allocation';
import { requireRunnable } from '@spherize/core/proof';
import { OutputProbe } from '@spherize/core/trials';
import { Command } from 'commander';
import { openTrials } from '../allocation/open-trials.js';
import { DATASET_SPECS } from '../data/open-dataset.js';
import type { ClustererChoice } from '../options/clusterer-choice.js';
import { parseInteger } from '../options/parse.js';
import type { ShortForms } from '../plugins/clusterers.js';
import { openModel } from '../plugins/model-formats.js';
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
  addShapeOption,
  addShortForms,
  addThreadsOption,
  type CalibrationChoice,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
  type LabelOptions,
  type NormalizationOptions,
  type OutputOptions,
  openCalibrationIfGiven,
  openDataIfGiven,
  requireNoLabelOptions,
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

/** `spherize scan MODEL`: what the model loses when one layer alone is compressed, for each layer and ratio. */
export function scanCommand(): Command {
  const definition = new Command('scan')
    .description('measure what compressing each layer alone costs, at several ratios')
    .argument('<model>', 'model file, or the name of an embedded model')
    .option(
      '--data <data>',
      `labelled data to measure accuracy on: ${DATASET_SPECS.join(', ')}; without: the error of the outputs on generated inputs`,
    )
    .option('--limit <n>', 'use only its first n samples', (text) => parseInteger('--limit', text, 1))
    .option('--ratios <list>', 'column reduction ratios', shareList('--ratios'), [...CURVE_RATIOS]);
  const command = addClustererOptions(addLabelOptions(addOutputOption(addShapeOption(definition)))).option(
    '--restart',
    'measure anew what earlier runs have kept',
  );
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
