import { InputError } from '@spherize/core';
import { gridSettings, type Method, REFERENCES, type Reference } from '@spherize/core/sweep';
import { Command } from 'commander';
import { NONE } from '../calibration/open-calibration.js';
import { ChoiceOption } from '../options/choice-option.js';
import { type ClustererChoice, clustererValues, nameOf } from '../options/clusterer-choice.js';
import { type ListValue, parseChoice, parseInteger, parseList } from '../options/parse.js';
import { methodOf, openClusterer, type ShortForms } from '../plugins/clusterers.js';
import { openModel } from '../plugins/model-formats.js';
import { effectiveRecipe } from '../recipe/recipe.js';
import { sweepIntoFolder } from '../sweep/sweep-into-folder.js';
import { sweepTable } from '../sweep/table.js';
import { printJson, printLine } from '../terminal/output.js';
import {
  addCalibrationOptions,
  addCommonOptions,
  addDataOptions,
  addFormatOption,
  addJournalOptions,
  addLatencyOption,
  addLayersOption,
  addMemoryOption,
  addOutputOption,
  addReduceOption,
  addShapeOption,
  addShortForms,
  addThreadsOption,
  type CalibrationChoice,
  type CommonOptions,
  type DataOptions,
  type FormatOptions,
  type JournalOptions,
  type LatencyOptions,
  type OutputOptions,
  openCalibrationIfGiven,
  openData,
  type ReduceOptions,
  type ShapeOptions,
  shareList,
} from './shared-options.js';

interface SweepCommandOptions
  extends CommonOptions,
    DataOptions,
    ShortForms,
    JournalOptions,
    FormatOptions,
    CalibrationChoice,
    LatencyOptions,
    OutputOptions,
    Pick<ReduceOptions, 'reduce'>,
    ShapeOptions {
  readonly references: Reference[];
  readonly out: string;
  readonly ratios: number[];
  readonly sparsities: number[];
  readonly clusterers: ClustererChoice[];
  readonly seeds: number;
  readonly layers?: string[];
  readonly batch: number;
  readonly threads?: number;
  readonly memory: number;
}

/** `spherize sweep MODEL --data DATA --out DIR`: accuracy over ratios, sparsities and clusterers. */
export function sweepCommand(): Command {
  const definition = new Command('sweep')
    .description('measure accuracy over column reduction ratios, sparsities and clusterers')
    .argument('<model>', 'model file, or the name of an embedded model')
    .requiredOption('--out <folder>', 'where results.json, report.html and the rest go')
    .option('--ratios <list>', 'column reduction ratios', shareList('--ratios'), [0.5, 0.7, 0.8, 0.9])
    .option(
      '--sparsities <list>',
      'shares of zeros to prune to first; 0: as the model is',
      shareList('--sparsities'),
      [0],
    )
    .option(
      '--clusterers <clusterers>',
      'built-in names, packages or paths; one with several options of its own in "quotes"',
      (list: ListValue) => clustererValues('--clusterers', list),
      ['kmeans', 'spherical'],
    )
    .option(
      '--seeds <n>',
      'how many seeds, counted from --seed',
      (text) => parseInteger('--seeds', text, 1),
      1,
    )
    .addOption(
      new ChoiceOption('--references <list>', `lines of reference: ${REFERENCES.join(', ')}, or none`, [
        ...REFERENCES,
        'none',
      ])
        .argParser(parseReferences)
        .default([...REFERENCES]),
    )
    .option('--batch <n>', 'samples at a time', (text) => parseInteger('--batch', text, 1), 500);
  return addCommonOptions(
    addDataOptions(
      addCalibrationOptions(
        addFormatOption(
          addShortForms(
            addLayersOption(
              addMemoryOption(
                addThreadsOption(
                  addJournalOptions(
                    addLatencyOption(addReduceOption(addOutputOption(addShapeOption(definition)))),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  ).action(async (source: string, options: SweepCommandOptions, command: Command) => {
    const narrower = options.reduce === 'columns' ? undefined : options.reduce;
    if (narrower !== undefined) requireForWidths(options);
    const methods: Method[] = [];
    for (const choice of options.clusterers) methods.push(methodOf(await openClusterer(choice, options)));
    const names = options.clusterers.map(nameOf);
    const settings = gridSettings({
      methods,
      algorithms: [options.algorithm],
      sparsities: options.sparsities,
      ratios: options.ratios,
      seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
      calibrated: options.calibrate !== undefined && options.calibrate !== NONE,
      ...(narrower && { reduce: narrower }),
      references: options.references.filter(
        (reference) => !names.includes(reference) && !(narrower && reference === 'svd'),
      ),
    });
    const opened = await openModel(source, options.format, { shape: options.shape });
    const measured = { ...options, scores: options.output };
    const data = await openData(measured, opened.model);
    const { limit, mean, std, calibrate } = options;
    const calibration = await openCalibrationIfGiven(measured, opened.model, data);
    const { results, files } = await sweepIntoFolder(options.out, {
      opened,
      recipe: effectiveRecipe(command),
      data,
      chosen: {
        '--limit': limit,
        // The labels' digest holds what --label-offset and --classes do.
        ...(options.output !== undefined && { '--output': options.output }),
        ...(options.shape && { '--shape': opened.model.inputs.map(({ shape }) => shape) }),
        '--mean': mean,
        '--std': std,
        '--calibrate': calibrate,
        '--calibration-samples': calibration?.inputs.samples,
        // Which of the samples are taken depends on it.
        ...(calibration && { '--seed': options.seed, 'calibration content': calibration.digest }),
      },
      calibration: calibration?.inputs,
      restart: options.restart,
      shard: options.shard,
      threads: options.threads,
      latency: options.latency,
      memory: options.memory,
      layers: options.layers,
      settings,
      batch: options.batch,
    });
    if (options.json) {
      printJson(results);
      return;
    }
    printLine(sweepTable(results));
    printLine(`\n${files.join('\n')}`);
  });
}

/** @throws InputError `BAD_ARGUMENT` for what only sweeps over columns do */
function requireForWidths({ reduce, sparsities, latency }: SweepCommandOptions): void {
  const wrong = sparsities.some((sparsity) => sparsity > 0)
    ? '--sparsities prunes layers whose columns are clustered'
    : latency === undefined
      ? undefined
      : '--latency times the part of the model from the first clustered layer on';
  if (wrong !== undefined)
    throw new InputError('BAD_ARGUMENT', `${wrong}: leave it out with --reduce ${reduce}`);
}

function parseReferences(list: ListValue): Reference[] {
  if (String(list) === 'none') return [];
  return parseList('--references', list, (item) => parseChoice('--references', item, REFERENCES));
}
