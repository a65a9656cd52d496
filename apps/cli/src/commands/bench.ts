import { InputError, type Model, type ModelSession, type TensorInfo } from '@spherize/core';
import { compareLatency } from '@spherize/core/evaluation';
import { fixedBatch, type Reach, randomInputs, requireInputMemory, widestReach } from '@spherize/core/proof';
import { requireMemory } from '@spherize/files';
import { Command } from 'commander';
import { formatShape } from '../data/sample-shape.js';
import { gzipSize } from '../footprint/gzip-size.js';
import { sessionMemory } from '../footprint/session-memory.js';
import { comparisonTable, graphFootprint, staticFigures } from '../footprint/static-footprint.js';
import { type ListValue, parseInteger, parseList, parseNumber } from '../options/parse.js';
import { type OpenModel, openModel } from '../plugins/model-formats.js';
import { interruptible } from '../terminal/interrupt.js';
import { formatTable, logLine, megabytes, printJson, printLine } from '../terminal/output.js';
import { type ProgressBar, startProgress } from '../terminal/progress.js';
import {
  addCommonOptions,
  addFormatOption,
  addShapeOption,
  type CommonOptions,
  type FormatOptions,
  type ShapeOptions,
} from './shared-options.js';

interface BenchOptions extends CommonOptions, FormatOptions, ShapeOptions {
  readonly batch: number[];
  readonly seconds: number;
}

/** Both models' figures at one batch size. Times are per run of the whole batch, in milliseconds. */
interface BatchResult {
  readonly batch: number;
  /** Medians. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** First and third quartile. */
  readonly beforeQuartilesMs: readonly [number, number];
  readonly afterQuartilesMs: readonly [number, number];
  readonly speedup: number;
  readonly beforeSamplesPerSecond: number;
  readonly afterSamplesPerSecond: number;
  /** Timed runs of each model. */
  readonly runs: number;
}

/** `spherize bench MODEL COMPRESSED`: size, memory and speed of two models side by side. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .description('compare the size, memory and speed of a model and its compressed form')
    .argument('<model>', 'model file, or the name of an embedded model')
    .argument('<compressed>', 'the model to compare it with')
    .option(
      '--batch <sizes>',
      'samples per run, separated by commas',
      (list: ListValue) => [
        ...new Set(parseList('--batch', list, (item) => parseInteger('--batch', item, 1))),
      ],
      [1, 16, 64],
    )
    .option('--seconds <s>', 'how long to time each batch size', parseSeconds, 4);
  return addCommonOptions(addShapeOption(addFormatOption(command))).action(bench);
}

function parseSeconds(text: string): number {
  const value = parseNumber('--seconds', text);
  if (value < 0) throw new InputError('BAD_ARGUMENT', `--seconds: expected at least 0, got '${text}'`);
  return value;
}

async function bench(source: string, compressed: string, options: BenchOptions): Promise<void> {
  const before = await openModel(source, options.format, options);
  const after = await openModel(compressed, options.format, options);
  requireSameInputs(before, after);
  requireInputMemory(before.model.inputs, Math.max(...options.batch), requireMemory);
  const fixed = fixedBatch(before.model.inputs) ?? fixedBatch(after.model.inputs);
  const batches = fixed === undefined ? options.batch : [fixed];
  const skipped = fixed === undefined ? [] : options.batch.filter((batch) => batch !== fixed);
  if (skipped.length > 0) {
    logLine(`batch ${skipped.join(', ')} skipped: the model fixes its batch size to ${fixed}`);
  }
  sayFreeAxes(before.model.inputs);
  const progress = startProgress(6 + batches.length);
  const { statics, memory, results } = await interruptible(async (signal) => {
    // Timed last, when nothing else is going on.
    const reach = await widestReach(before.model, options.seed, requireMemory);
    const first = await footprint(before, progress, signal);
    const second = await footprint(after, progress, signal);
    const memory = {
      before: await memoryOf(before, reach, options, progress, signal),
      after: await memoryOf(after, reach, options, progress, signal),
    };
    const results = await timeBatches(before.model, after.model, batches, reach, options, progress, signal);
    return { statics: { before: first, after: second }, memory, results };
  }).finally(() => progress.stop());
  if (options.json) {
    const pair = (key: keyof typeof statics.before) => ({
      before: statics.before[key],
      after: statics.after[key],
    });
    printJson({
      model: source,
      compressed,
      bytes: pair('bytes'),
      gzipBytes: pair('gzipBytes'),
      parameters: pair('parameters'),
      macs: pair('macs'),
      sessionMemory: memory,
      batches: results,
      skippedBatches: skipped,
    });
    return;
  }
  const memoryRow = { name: 'session memory', ...memory, text: megabytes };
  printLine(comparisonTable([...staticFigures(statics.before, statics.after), memoryRow]));
  printLine();
  printLine(batchTable(results));
  printLine(
    '\nSession memory: growth of the resident memory of a fresh process per model, by one session and one run of ' +
      `batch ${fixed ?? 1}.\nTimes: median and quartiles of alternating runs of both models, after warm-up.`,
  );
}

/** Times hold for the sizes that were timed. */
function sayFreeAxes(inputs: readonly TensorInfo[]): void {
  for (const { name, shape } of inputs) {
    const free = shape.flatMap((length, axis) => (axis > 0 && length === undefined ? [axis] : []));
    if (free.length === 0) continue;
    const form = shape.map((length, axis) => length ?? (axis === 0 ? '?' : 'N')).join(',');
    logLine(
      `input '${name}' of shape ${formatShape(shape)}: ${free.length === 1 ? 'axis' : 'axes'} ${free.join(', ')} set to 1, ` +
        `set others with --shape ${name}=${form}`,
    );
  }
}

/** @throws InputError unless both models take inputs of the same shapes; a batch may be free in one and fixed in the other */
function requireSameInputs(before: OpenModel, after: OpenModel): void {
  const shapes = ({ model }: OpenModel) =>
    model.inputs.map(({ shape }) => `[${shape.map((size) => size ?? '?').join(', ')}]`).join(' and ');
  const left = before.model.inputs;
  const right = after.model.inputs;
  const same =
    left.length === right.length &&
    left.every(({ shape }, i) => {
      const other = right[i]!.shape;
      return (
        shape.length === other.length &&
        shape.every((size, axis) => {
          const free = axis === 0 && (size === undefined || other[axis] === undefined);
          return free || size === other[axis];
        })
      );
    });
  if (!same) {
    throw new InputError(
      'BAD_ARGUMENT',
      `the models take different inputs: '${before.source}' ${shapes(before)}, '${after.source}' ${shapes(after)}: give a model and its compressed form`,
    );
  }
}

async function footprint(opened: OpenModel, progress: ProgressBar, signal: AbortSignal) {
  progress.note(`${opened.source}: gzip`);
  const gzipBytes = await gzipSize(opened.files, signal);
  progress.advance();
  progress.note(`${opened.source}: multiplications`);
  const result = { bytes: opened.bytes, gzipBytes, ...(await graphFootprint(opened.model)) };
  progress.advance();
  return result;
}

async function memoryOf(
  { source, path, model }: OpenModel,
  reach: Reach,
  { seed, format }: BenchOptions,
  progress: ProgressBar,
  signal: AbortSignal,
): Promise<number> {
  progress.note(`${source}: session memory`);
  const growth = await sessionMemory({ path, seed, format, inputs: model.inputs, reach }, signal);
  progress.advance();
  return growth;
}

async function timeBatches(
  before: Model,
  after: Model,
  batches: readonly number[],
  reach: Reach,
  { seed, seconds }: BenchOptions,
  progress: ProgressBar,
  signal: AbortSignal,
): Promise<BatchResult[]> {
  const sessions: ModelSession[] = [];
  const start = async (model: Model): Promise<ModelSession> => {
    signal.throwIfAborted();
    const session = await model.session();
    sessions.push(session);
    return session;
  };
  try {
    const first = await start(before);
    const second = await start(after);
    const results: BatchResult[] = [];
    for (const batch of batches) {
      progress.note(`batch ${batch}`);
      const times = await compareLatency(
        { session: first, inputs: randomInputs(before.inputs, batch, seed, { reach, requireMemory }) },
        { session: second, inputs: randomInputs(after.inputs, batch, seed, { reach, requireMemory }) },
        seconds,
        signal,
        Number.POSITIVE_INFINITY,
      );
      results.push({
        batch,
        beforeMs: times.before.median,
        afterMs: times.after.median,
        beforeQuartilesMs: times.before.quartiles,
        afterQuartilesMs: times.after.quartiles,
        speedup: times.before.median / times.after.median,
        beforeSamplesPerSecond: (1000 * batch) / times.before.median,
        afterSamplesPerSecond: (1000 * batch) / times.after.median,
        runs: times.runs,
      });
      progress.advance();
    }
    return results;
  } finally {
    for (const session of sessions) await session.release();
  }
}

function batchTable(results: readonly BatchResult[]): string {
  const ms = (value: number) => (value < 1 ? value.toFixed(3) : value.toFixed(2));
  const quartiles = (pair: readonly [number, number]) => pair.map(ms).join(' – ');
  const rate = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  return formatTable(
    [
      'batch',
      'before, ms',
      'quartiles',
      'after, ms',
      'quartiles',
      'speedup',
      'before, samples/s',
      'after, samples/s',
      'runs',
    ],
    results.map((result) => [
      String(result.batch),
      ms(result.beforeMs),
      quartiles(result.beforeQuartilesMs),
      ms(result.afterMs),
      quartiles(result.afterQuartilesMs),
      `${result.speedup.toFixed(2)}×`,
      rate(result.beforeSamplesPerSecond),
      rate(result.afterSamplesPerSecond),
      String(result.runs),
    ]),
  );
}
