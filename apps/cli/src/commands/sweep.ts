import { Command } from 'commander';
import { parseChoice, parseInteger, parseList } from '../options/parse.js';
import {
  addAlgorithmOption,
  addCalibrationOptions,
  addCommonOptions,
  addDataOptions,
  addFormatOption,
  addJournalOptions,
  addLatencyOption,
  addLayersOption,
  addMemoryOption,
  addScaleOption,
  addThreadsOption,
  type CalibrationChoice,
  type ClusteringOptions,
  type CommonOptions,
  type DataOptions,
  type FormatOptions,
  type JournalOptions,
  type LatencyOptions,
  openCalibrationIfGiven,
  openData,
  type ScaleOptions,
  shareList,
} from '../options/shared.js';
import { openModel } from '../plugins/model-formats.js';
import { effectiveRecipe } from '../recipe/recipe.js';
import { gridSettings, REFERENCES, type Reference } from '../sweep/settings.js';
import { sweepIntoFolder } from '../sweep/sweep-into-folder.js';
import { sweepTable } from '../sweep/table.js';
import { printJson, printLine } from '../terminal/output.js';

interface SweepCommandOptions
  extends CommonOptions,
    DataOptions,
    ClusteringOptions,
    JournalOptions,
    FormatOptions,
    ScaleOptions,
    CalibrationChoice,
    LatencyOptions {
  readonly references: Reference[];
  readonly out: string;
  readonly ratios: number[];
  readonly sparsities: number[];
  readonly clusterers: string[];
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
    .option('--clusterers <list>', 'built-in names, packages or paths', (text) => parseList(text, String), [
      'kmeans',
      'spherical',
    ])
    .option(
      '--seeds <n>',
      'how many seeds, counted from --seed',
      (text) => parseInteger('--seeds', text, 1),
      1,
    )
    .option('--references <list>', `lines of reference: ${REFERENCES.join(', ')}, or none`, parseReferences, [
      ...REFERENCES,
    ])
    .option('--batch <n>', 'samples at a time', (text) => parseInteger('--batch', text, 1), 500);
  return addCommonOptions(
    addDataOptions(
      addCalibrationOptions(
        addFormatOption(
          addScaleOption(
            addAlgorithmOption(
              addLayersOption(
                addMemoryOption(addThreadsOption(addJournalOptions(addLatencyOption(definition)))),
              ),
            ),
          ),
        ),
      ),
    ),
  ).action(async (source: string, options: SweepCommandOptions, command: Command) => {
    const settings = gridSettings({
      clusterers: options.clusterers,
      algorithms: [options.algorithm],
      sparsities: options.sparsities,
      ratios: options.ratios,
      seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
      scale: options.scale,
      calibrated: options.calibrate !== undefined,
      references: options.references.filter((reference) => !options.clusterers.includes(reference)),
    });
    const opened = await openModel(source, options.format);
    const data = await openData(options, opened.model);
    const { limit, mean, std, calibrate } = options;
    const calibration = await openCalibrationIfGiven(options, opened.model, data);
    const { results, files } = await sweepIntoFolder(options.out, {
      opened,
      recipe: effectiveRecipe(command),
      data,
      chosen: {
        '--limit': limit,
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

function parseReferences(text: string): Reference[] {
  if (text === 'none') return [];
  return parseList(text, (item) => parseChoice('--references', item, REFERENCES));
}
