import { EVALUATION_BATCH, evaluateModel } from '@spherize/core/evaluation';
import { Command } from 'commander';
import { parseInteger } from '../options/parse.js';
import { openModel } from '../plugins/model-formats.js';
import { interruptible } from '../terminal/interrupt.js';
import { percent, printJson, printLine } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import {
  addCommonOptions,
  addDataOptions,
  addFormatOption,
  addOutputOption,
  addShapeOption,
  type CommonOptions,
  type DataOptions,
  type FormatOptions,
  type OutputOptions,
  openData,
  type ShapeOptions,
} from './shared-options.js';

interface EvaluateCommandOptions
  extends CommonOptions,
    DataOptions,
    FormatOptions,
    OutputOptions,
    ShapeOptions {
  readonly batch: number;
}

/** `spherize evaluate MODEL --data DATA`: top-1 and top-5 accuracy. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure the top-1 and top-5 accuracy of a classifier')
    .argument('<model>', 'model file, or the name of an embedded model')
    .option('--batch <n>', 'samples at a time', (text) => parseInteger('--batch', text, 1), EVALUATION_BATCH);
  return addCommonOptions(addOutputOption(addDataOptions(addShapeOption(addFormatOption(command))))).action(
    async (source: string, options: EvaluateCommandOptions) => {
      const { model } = await openModel(source, options.format, { shape: options.shape });
      const data = await openData({ ...options, scores: options.output }, model);
      const started = performance.now();
      const bar = startProgress(data.samples);
      const accuracy = await interruptible((signal) =>
        evaluateModel(model, data, {
          batch: options.batch,
          signal,
          onSamples: (count) => bar.advance(count),
        }),
      ).finally(() => bar.stop());
      const seconds = (performance.now() - started) / 1000;
      const { samples, top1, top5 } = accuracy;
      if (options.json) printJson({ model: source, data: data.name, samples, top1, top5, seconds });
      else
        printLine(
          `${source} on ${samples} samples of ${data.name}: top-1 ${percent(top1)}, top-5 ${percent(top5)}, ${seconds.toFixed(1)} s`,
        );
    },
  );
}
