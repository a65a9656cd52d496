/** What a compression did, as a document and in words and tables. */
import {
  type CompressedModel,
  groupSkipped,
  type Model,
  type Reduction,
  type SkippedLayer,
  unreached,
} from '@spherize/core';
import type { NarrowedReport, TargetReport } from '@spherize/core/allocation';
import { type ComparedLatency, isFaster, isSlower, type OutputFidelity } from '@spherize/core/evaluation';
import type { Verification } from '@spherize/core/proof';
import { targetSummary } from '../allocation/compress-to-target.js';
import { GENERATED } from '../calibration/open-calibration.js';
import {
  type Comparison,
  comparisonTable,
  type StaticFootprint,
  staticFigures,
} from '../footprint/static-footprint.js';
import { storageFigures, storageLines } from '../storage/storage-summary.js';
import { factor, formatTable, logLine, megabytes, percent, printLine } from '../terminal/output.js';
import { skippedTable } from '../terminal/skipped-table.js';
import { visible } from '../terminal/visible.js';

import type { ComparedAccuracy } from './compared-accuracy.js';

/** Rows of a table that fit beside the others on one screen. */
const FEW = 8;

/** Everything that is known about one compression. */
export interface Outcome {
  readonly source: string;
  /** The file that was written. */
  readonly output: string;
  readonly model: Model;
  readonly result: CompressedModel;
  readonly reduce: Reduction | 'none';
  readonly reached: TargetReport | NarrowedReport | undefined;
  readonly fidelity: OutputFidelity;
  /** Where labels were given: on samples that no refit has seen. */
  readonly accuracy?: ComparedAccuracy | undefined;
  /** Of the whole model, where it was measured. */
  readonly latency: ComparedLatency | undefined;
  readonly before: StaticFootprint;
  readonly after: StaticFootprint;
  readonly seconds: number;
  /** The page about the run, where one was asked for. */
  readonly report?: string | undefined;
}

/** Why nothing was written. */
export interface NothingToGain {
  readonly source: string;
  readonly bytes: number;
  readonly reason: string;
  readonly seconds: number;
}

/** What `--json` prints. */
export function outcomeDocument(outcome: Outcome | NothingToGain): object {
  if ('reason' in outcome) {
    const { source, bytes, reason, seconds } = outcome;
    return { model: source, output: null, reason, bytesBefore: bytes, bytesAfter: bytes, seconds };
  }
  const { source, output, model, result, reached, fidelity, latency, before, after, seconds, report } =
    outcome;
  const notes = model.notes ?? [];
  const storage = storageOf(result);
  return {
    model: source,
    output,
    bytesBefore: before.bytes,
    bytesAfter: after.bytes,
    gzipBytesBefore: before.gzipBytes,
    gzipBytesAfter: after.gzipBytes,
    parametersBefore: before.parameters,
    parametersAfter: after.parameters,
    macsBefore: before.macs,
    macsAfter: after.macs,
    ...(latency && { latencyBefore: latency.before, latencyAfter: latency.after }),
    layers: result.layers.map(({ fold, ...layer }) => ({ ...layer, fold: fold.reason })),
    reductions: result.reductions,
    skipped: leftAlone(outcome),
    outputError: fidelity.outputError,
    cosine: fidelity.cosine,
    agreement: fidelity.agreement,
    unseen: { inputs: fidelity.inputs, samples: fidelity.samples },
    ...(outcome.accuracy && { accuracy: outcome.accuracy }),
    ...(notes.length > 0 && { notes }),
    ...(reached && { target: reached }),
    ...(storage && { storage }),
    ...(result.storage && { storage: storageFigures(result.storage) }),
    verified: result.proof!,
    ...(report !== undefined && { report }),
    seconds,
  };
}

/**
 * The same for people.
 *
 * @param wide every width, layer and tensor that was left alone, however many
 */
export function printOutcome(outcome: Outcome | NothingToGain, wide = false): void {
  if ('reason' in outcome) {
    printLine(visible(`nothing to gain: ${outcome.reason}; no file is written`));
    return;
  }
  const { output, model, result, reduce, reached, fidelity, latency, before, after, seconds } = outcome;
  const verified = result.proof!;
  if (verified.deviation === null) logLine(`not verified: ${verified.reason}`);
  const rows = result.layers.map((layer) => [
    layer.name,
    String(layer.columns),
    String(layer.clusters),
    percent(layer.ratio, 1),
    percent(layer.sparsity, 1),
    layer.relativeError.toFixed(4),
    layer.fold.reason,
  ]);
  const few = (count: number): boolean => wide || count <= FEW;
  const tables: string[] = [];
  if (reduce !== 'columns' && reduce !== 'none')
    tables.push(
      few(result.reductions.length)
        ? reductionTable(result.reductions)
        : `${result.reductions.filter(({ from, to }) => to < from).length} of ${result.reductions.length} widths are narrower: --wide lists them`,
    );
  if (rows.length > 0)
    tables.push(
      few(rows.length)
        ? formatTable(['layer', 'columns', 'clusters', 'reduction', 'sparsity', 'rel. error', 'scales'], rows)
        : `${rows.length} layers have fewer columns: --wide lists them`,
    );
  const groups = groupSkipped(leftAlone(outcome));
  if (groups.length > 0)
    tables.push(
      few(groups.length)
        ? skippedTable(groups)
        : `${groups.reduce((sum, { parameters }) => sum + parameters, 0)} parameters were left alone for ${groups.length} reasons: --wide lists them`,
    );
  if (tables.length > 0) printLine(tables.join('\n\n'));
  for (const note of model.notes ?? []) printLine(visible(`note: ${note}`));
  if (reduce !== 'none') printLine(`\n${calibrationSummary(result, reduce)}`);
  printLine(fidelitySummary(fidelity));
  if (outcome.accuracy) printLine(accuracySummary(outcome.accuracy));
  printLine(`\n${comparisonTable([...staticFigures(before, after), ...latencyFigures(latency)])}`);
  if (verified.deviation !== null && reduce !== 'none') {
    printLine(
      `\nverified: the file computes what was planned, to ${verified.deviation.toExponential(1)} of the largest output (${verified.against})`,
    );
  }
  if (verified.deviation !== null && verified.vanishing !== undefined) {
    printLine(
      visible(
        `small weights of ${verified.vanishing.join(', ')} are lost in the types that store them: convert the model to float32 to keep them`,
      ),
    );
  }
  const storage = storageOf(result);
  if (storage) printLine(storageSummary(storage, verified));
  if (result.storage) for (const line of storageLines(result.storage)) printLine(visible(line));
  if (reached) printLine(targetSummary(reached));
  printLine(`\n${sentence(outcome)}`);
  const share = percent(after.bytes / before.bytes, 1);
  printLine(
    `${megabytes(before.bytes)} → ${megabytes(after.bytes)} (${share}) in ${seconds.toFixed(1)} s: ${output}`,
  );
  if (outcome.report !== undefined) printLine(`report: ${outcome.report}`);
}

/** What was not compressed, each with its reason. */
export function leftAlone({ model, result, reduce }: Outcome): readonly SkippedLayer[] {
  if (reduce === 'none') return [];
  if (reduce !== 'columns') return unreached(model);
  const compressed = new Set(result.layers.map(({ name }) => name));
  return model.skipped.filter(({ name }) => !compressed.has(name));
}

/** How the written file rounds weights to the types that store them. */
export function storageOf({
  model: { rounding },
}: CompressedModel): { readonly types: readonly string[]; readonly weightError: number } | undefined {
  return rounding && { types: rounding.types, weightError: rounding.error };
}

/** Before and after of the whole model's time. */
export function latencyFigures(latency: ComparedLatency | undefined): Comparison[] {
  if (latency === undefined) return [];
  const text = (value: number) => `${value.toFixed(2)} ms`;
  return [{ name: 'one run, median', before: latency.before.median, after: latency.after.median, text }];
}

/** The outcome in one line. */
export function sentence({ before, after, fidelity, latency }: Outcome): string {
  const { outputError, agreement, samples } = fidelity;
  const answers =
    agreement !== null
      ? `answers unchanged on ${percent(agreement, 1)} of ${samples} unseen inputs`
      : outputError === null
        ? 'outputs not compared'
        : `outputs change by ${percent(outputError, 2)} on ${samples} unseen inputs`;
  return [
    factor(before.bytes, after.bytes, 'smaller', 'larger'),
    ...(latency === undefined ? [] : [speed(latency)]),
    answers,
  ].join(', ');
}

function speed(latency: ComparedLatency): string {
  if (!isFaster(latency) && !isSlower(latency)) return 'as fast within noise';
  return factor(latency.before.median, latency.after.median, 'faster', 'slower');
}

/** What it cost that new weights are stored as the old ones were. */
export function storageSummary(
  { types, weightError }: { types: readonly string[]; weightError: number },
  verified: Verification,
): string {
  const outputs =
    verified.deviation === null || verified.roundingDeviation === undefined
      ? ''
      : `, which moves the outputs by ${verified.roundingDeviation.toExponential(1)} of the largest`;
  return `storage: rewritten weights stay ${types.join(' and ')}; rounding changes them by ${weightError.toExponential(1)}${outputs}`;
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
export function fidelitySummary({ outputError, cosine, agreement, samples, inputs }: OutputFidelity): string {
  if (samples === 0) return `outputs not compared: the model does not run on unseen inputs (${inputs})`;
  const parts = [
    ...(outputError === null ? [] : [`output error ${percent(outputError, 2)}`]),
    ...(agreement === null ? [] : [`the same largest score for ${percent(agreement, 1)}`]),
    // Of scores, the largest says more.
    ...(agreement === null && cosine !== null ? [`cosine ${cosine.toFixed(4)}`] : []),
  ];
  if (parts.length === 0) return 'no output of floats that could be compared';
  return `on ${samples} unseen inputs (${inputs}): ${parts.join(', ')}`;
}

function accuracySummary({ data, samples, before, after }: ComparedAccuracy): string {
  return visible(
    `top-1 ${percent(before)} → ${percent(after)} on ${samples} samples (${data}) that no refit has seen`,
  );
}

/** What calibration did to each layer, in one line; or what it could do. */
export function calibrationSummary(
  { layers, calibration: inputs }: Pick<CompressedModel, 'layers' | 'calibration'>,
  reduce: Reduction,
): string {
  if (!inputs) return `not calibrated: --calibrate ${GENERATED} refits the layers, and needs no data`;
  if (reduce === 'neurons' || layers.length === 0)
    return `what reads the widths and all behind it was refitted on ${inputs.samples} inputs (${inputs.name})`;
  const changes = layers.map(({ name, calibration }) => {
    if (!calibration) return name;
    const { errorBefore, errorAfter, strength } = calibration;
    return strength === null
      ? `${name} as it was (no refit lowers its error ${percent(errorBefore, 1)})`
      : `${name} ${percent(errorBefore, 1)} → ${percent(errorAfter, 1)}`;
  });
  return `calibrated on ${inputs.samples} inputs (${inputs.name}); output error on those held back: ${changes.join(', ')}`;
}
