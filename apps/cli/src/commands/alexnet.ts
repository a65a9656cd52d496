import {
  gridSettings,
  largestLead,
  meanOverSeeds,
  REFERENCES,
  type SweepSetting,
} from '@spherize/core/sweep';
import { Command } from 'commander';
import { GENERATED, openCalibration } from '../calibration/open-calibration.js';
import { ChoiceOption } from '../options/choice-option.js';
import { parseChoice } from '../options/parse.js';
import { openEmbeddedLayersModel } from '../plugins/alexnet-layers-model.js';
import { openModel } from '../plugins/model-formats.js';
import { effectiveRecipe } from '../recipe/recipe.js';
import { sweepIntoFolder } from '../sweep/sweep-into-folder.js';
import { sweepTable } from '../sweep/table.js';
import { percent, printJson, printLine } from '../terminal/output.js';
import {
  addCommonOptions,
  addJournalOptions,
  addLatencyOption,
  addMemoryOption,
  addThreadsOption,
  type CommonOptions,
  type JournalOptions,
  openData,
} from './shared-options.js';

const MODEL = 'alexnet-fashion';
/** The formats in which the model can be run. */
const FORMATS = ['onnx', 'tfjs'] as const;
const DATA = 'fashion-mnist';
/** The sparsity to which the embedded model was trained. */
const OWN_SPARSITY = 0.9;
const SPARSITIES = [OWN_SPARSITY, 0.95, 0.98];
const METHODS = [{ clusterer: 'kmeans' }, { clusterer: 'spherical' }];
/** The best method without data: it is added to the paper's two. */
const BEST = { methods: [{ clusterer: 'rank-one' }], algorithms: ['hartigan'], calibrated: true } as const;
const CALIBRATION_SAMPLES = 500;
const BATCH = 500;
/** Test images of the default grid. */
const SAMPLES = 2000;

interface AlexnetOptions extends CommonOptions, JournalOptions {
  readonly full?: true;
  readonly format: (typeof FORMATS)[number];
  readonly out: string;
  readonly threads?: number;
  readonly memory: number;
  readonly latency?: number;
}

/** `spherize alexnet`: the paper's experiment on the embedded AlexNet. */
export function alexnetCommand(): Command {
  const definition = new Command('alexnet')
    .description(
      'run the AlexNet experiment: accuracy of k-means and spherical clustering over ρ and sparsity',
    )
    .option('--full', 'ρ = 0.1 … 0.9, both algorithms everywhere, three seeds, all 10,000 test images')
    .addOption(
      new ChoiceOption(
        '--format <name>',
        'run it as an onnx model, or as a tfjs one of the same weights',
        FORMATS,
      )
        .argParser((text) => parseChoice('--format', text, FORMATS))
        .default('onnx'),
    )
    .option('--out <folder>', 'where results.json, report.html and the rest go', 'alexnet-results');
  return addCommonOptions(
    addMemoryOption(addThreadsOption(addJournalOptions(addLatencyOption(definition)))),
  ).action(async (options: AlexnetOptions, command: Command) => {
    const started = performance.now();
    const settings = options.full ? fullGrid(options.seed) : defaultGrid(options.seed);
    const opened = options.format === 'tfjs' ? await openEmbeddedLayersModel() : await openModel(MODEL);
    const data = await openData({ data: DATA, ...(options.full ? {} : { limit: SAMPLES }) }, opened.model);
    const { inputs: calibration } = await openCalibration(opened.model, {
      calibrate: GENERATED,
      calibrationSamples: CALIBRATION_SAMPLES,
      seed: options.seed,
    });
    const { results, files } = await sweepIntoFolder(options.out, {
      opened,
      recipe: effectiveRecipe(command),
      data,
      chosen: { '--format': options.format, '--seed': options.seed },
      calibration,
      restart: options.restart,
      shard: options.shard,
      threads: options.threads,
      latency: options.latency,
      memory: options.memory,
      settings,
      batch: BATCH,
    });
    if (options.json) {
      printJson(results);
      return;
    }
    printLine(
      `AlexNet on ${results.samples} test images of Fashion-MNIST, ${results.layers.join(', ')} compressed together.`,
    );
    printLine(
      `Uncompressed: ${percent(results.baseline.top1)} top-1. Top-1 accuracy by column reduction ratio ρ:\n`,
    );
    printLine(sweepTable(results, process.stdout.isTTY === true));
    const lead = largestLead(
      meanOverSeeds(results.rows).filter(({ algorithm }) => algorithm === 'lloyd'),
      'spherical',
      'kmeans',
    );
    if (lead) {
      const { row, other } = lead;
      printLine(
        `\nLargest lead of spherical over k-means (both Lloyd): ${(100 * lead.lead).toFixed(1)} points ` +
          `(${percent(other.top1, 1)} → ${percent(row.top1, 1)}, sparsity ${row.sparsity}, ρ = ${row.ratio}).`,
      );
    }
    printLine(`\n${files.join('\n')}`);
    printLine(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  });
}

/** The paper's comparison (Lloyd) at every sparsity, and Hartigan's method at the model's own. */
function defaultGrid(seed: number): SweepSetting[] {
  const shared = { methods: METHODS, ratios: [0.5, 0.7, 0.8, 0.9], seeds: [seed] };
  return [
    ...gridSettings({ ...shared, algorithms: ['lloyd'], sparsities: SPARSITIES }),
    ...gridSettings({ ...shared, algorithms: ['hartigan'], sparsities: [OWN_SPARSITY] }),
    ...gridSettings({ ...shared, ...BEST, sparsities: [OWN_SPARSITY] }),
  ];
}

function fullGrid(seed: number): SweepSetting[] {
  const shared = {
    sparsities: SPARSITIES,
    ratios: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    seeds: [seed, seed + 1, seed + 2],
  };
  return [
    ...gridSettings({ ...shared, methods: METHODS, algorithms: ['lloyd', 'hartigan'] }),
    ...gridSettings({ ...shared, ...BEST, references: REFERENCES }),
  ];
}
