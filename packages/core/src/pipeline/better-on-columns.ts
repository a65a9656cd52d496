/** Of which widths the readers' columns are clustered rather than features taken: what keeps the model's outputs closer, with as much saved. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import { fixedBatch } from '../calibration/input-shapes.js';
import { clustersOfLayer } from '../compression/column-reduction.js';
import { fidelityTo, type RecordedOutputs, recordOutputs } from '../evaluation/output-fidelity.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { randomInputs } from '../proof/random-inputs.js';
import { columnReaders } from '../widths/column-readers.js';
import { findWidths, type Width } from '../widths/find-widths.js';
import { compressColumns } from './compress-columns.js';
import { compressWidths } from './compress-widths.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';

/** Samples on which reductions are compared. */
const PROBES = 200;
/** Less than that is rounding: features that leave without a loss leave no better way. */
const NOTHING = 1e-9;

/** The layers that read a width, with the ratio at which clustering their columns saves as much as the width would. Empty: none do. */
export type ColumnRatios = readonly (readonly [FcLayer, number])[];

/** Those of a width, by its name, that save as much as the share of its features would; none where columns cannot. */
export type ColumnsFor = (width: string, ratio: number) => ColumnRatios | Promise<ColumnRatios>;

export interface BetterOnColumnsOptions {
  /** Layers whose columns may be clustered. Default: all. */
  readonly takes?: ((layer: FcLayer) => boolean) | undefined;
  /** Default: with as many parameters. */
  readonly columnsFor?: ColumnsFor | undefined;
}

/**
 * Each width by itself, all others as they are.
 *
 * @param ratios share of its features that leaves each width, by name
 */
export async function betterOnColumns(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  options: ResolvedOptions,
  { takes = () => true, columnsFor = columnsOfEqualSize(model) }: BetterOnColumnsOptions = {},
): Promise<ReadonlySet<string>> {
  const better = new Set<string>();
  let probe: RecordedOutputs | undefined;
  let done = 0;
  for (const [name, ratio] of ratios) {
    options.onProgress?.({
      phase: 'comparing',
      done,
      total: ratios.size,
      layer: name,
      share: done / ratios.size,
    });
    const clustered = ratio > 0 ? await columnsFor(name, ratio) : [];
    if (clustered.length > 0 && clustered.every(([layer]) => takes(layer))) {
      probe ??= await recordOutputs(model, probeInputs(model, options), { signal: options.signal });
      if (await columnsLoseLess(model, [name, ratio], clustered, probe, options)) better.add(name);
    }
    done++;
  }
  return better;
}

/** With as many parameters gone. */
export function columnsOfEqualSize(model: Model): ColumnsFor {
  return (name, ratio) => {
    const width = widthNamed(model, name);
    const readers = columnReaders(model, width);
    const values = readers.reduce((sum, layer) => sum + layer.outputs * spanOf(layer) * layer.inputs, 0);
    return clusteredAt(readers, (ratio * width.parameters) / values);
  };
}

export function widthNamed({ graph }: Model, name: string): Width {
  return findWidths(graph).widths.find((width) => width.name === name)!;
}

/** All layers at one ratio; empty where one of them would not be clustered at it. */
export function clusteredAt(layers: readonly FcLayer[], ratio: number): ColumnRatios {
  const worthIt = layers.every((layer) => ratio < 1 && clustersOfLayer(layer, ratio) < layer.inputs);
  return worthIt ? layers.map((layer) => [layer, ratio] as const) : [];
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
