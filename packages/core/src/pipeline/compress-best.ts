/** Of each width the reduction that keeps the model's outputs closer, with as many parameters gone. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import { partOf } from '../cancellation.js';
import { clustersOfLayer } from '../compression/column-reduction.js';
import { fidelityTo, type RecordedOutputs, recordOutputs } from '../evaluation/output-fidelity.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import { fixedBatch, randomInputs } from '../proof/random-inputs.js';
import { columnReaders } from '../widths/column-readers.js';
import { findWidths } from '../widths/find-widths.js';
import { compressColumns } from './compress-columns.js';
import { compressWidths } from './compress-widths.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';

/** Samples on which reductions are compared. */
const PROBES = 200;
/** Less than that is rounding: features that leave without a loss leave no better way. */
const NOTHING = 1e-9;
/** Shares of the time: comparing, the widths, the columns. */
const [COMPARED, NARROWED] = [0.6, 0.9];

/** The layers that read a width, with the ratio at which clustering their columns saves as much as the width would. */
type ColumnRatios = readonly (readonly [FcLayer, number])[];

/**
 * @param ratios share of its features that leaves each width, by name; columns are clustered to as few parameters
 * @throws ProofError as `compressWidths` and `compressColumns` do
 */
export async function compressBest(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  options: ResolvedOptions,
): Promise<CompressedModel> {
  const { onProgress } = options;
  const probe = await recordOutputs(model, probeInputs(model, options), { signal: options.signal });
  const narrower = new Map<string, number>();
  const columns = new Map<string, { width: string; ratio: number }>();
  let done = 0;
  for (const [name, ratio] of ratios) {
    onProgress?.({
      phase: 'comparing',
      done,
      total: ratios.size,
      layer: name,
      share: (COMPARED * done) / ratios.size,
    });
    const clustered = columnRatios(model, name, ratio);
    const better =
      clustered.length > 0 &&
      ratio > 0 &&
      (await columnsLoseLess(model, [name, ratio], clustered, probe, options));
    if (better) for (const [layer, own] of clustered) columns.set(layer.name, { width: name, ratio: own });
    else narrower.set(name, ratio);
    done++;
  }
  const within = (from: number, to: number): ResolvedOptions => ({
    ...options,
    onProgress: partOf(onProgress, from, to),
  });
  const widths = await compressWidths(model, narrower, within(COMPARED, columns.size > 0 ? NARROWED : 1));
  if (columns.size === 0) return widths;
  const { model: narrowed } = widths;
  const layers = [...narrowed.layers, ...(narrowed.convolutions?.layers ?? [])].flatMap((layer) => {
    const own = columns.get(layer.name);
    return own === undefined ? [] : [[layer, own.ratio] as const];
  });
  const clustered = await compressColumns(narrowed, layers, within(NARROWED, 1));
  const reports = new Map<string, WidthReport>(widths.reductions.map((report) => [report.width, report]));
  for (const report of clustered.reductions) {
    const { width } = columns.get(report.width)!;
    reports.set(width, { ...report, width });
  }
  return {
    ...clustered,
    reductions: [...ratios.keys()].flatMap((name) => reports.get(name) ?? []),
    proof: widths.proof?.deviation === null ? widths.proof : clustered.proof,
  };
}

/** Empty where the columns of no layers stand for the width, or where they are too few. */
function columnRatios(model: Model, name: string, ratio: number): ColumnRatios {
  const width = findWidths(model.graph).widths.find((own) => own.name === name)!;
  const readers = columnReaders(model, width);
  const values = readers.reduce((sum, layer) => sum + layer.outputs * spanOf(layer) * layer.inputs, 0);
  const own = (ratio * width.parameters) / values;
  const worthIt = readers.every((layer) => own < 1 && clustersOfLayer(layer, own) < layer.inputs);
  return worthIt ? readers.map((layer) => [layer, own] as const) : [];
}

async function columnsLoseLess(
  model: Model,
  [name, ratio]: readonly [string, number],
  clustered: ColumnRatios,
  probe: RecordedOutputs,
  options: ResolvedOptions,
): Promise<boolean> {
  const quiet: ResolvedOptions = { ...options, prove: false, onProgress: undefined };
  const loss = async ({ model: smaller }: CompressedModel): Promise<number> =>
    (await fidelityTo(probe, smaller, { signal: options.signal })).outputError ?? 0;
  const narrowed = await loss(await compressWidths(model, new Map([[name, ratio]]), quiet));
  if (narrowed < NOTHING) return false;
  return (await loss(await compressColumns(model, clustered, quiet))) < narrowed;
}

/** Some of the calibration inputs, or else random ones. */
function probeInputs(model: Model, { calibration, seed = 0 }: ResolvedOptions): CalibrationInputs {
  if (calibration === undefined) {
    const batch = fixedBatch(model.inputs) ?? PROBES;
    return {
      name: 'random',
      samples: batch,
      async *batches() {
        yield randomInputs(model.inputs, batch, seed);
      },
    };
  }
  return firstSamples(calibration, PROBES);
}
