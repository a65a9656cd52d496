/** Neurons, channels and value dimensions leave a model: width by width, in the order of the graph. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { clustersForRatio } from '../compression/column-reduction.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';
import { mergeFeatures } from './merge-features.js';
import { NarrowedNetwork } from './narrowed-network.js';
import type { PrincipalFeatures } from './principal-features.js';
import { NetworkRefit } from './refit-network.js';
import type { RefitStep } from './refit-steps.js';

export interface ReduceNeuronsOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  /** Chooses neurons where there are no inputs; where there are, only if it clusters `contributions`. */
  readonly clusterer: Clusterer;
  /** Inputs on which the layers that read the features are refitted. Default: none. */
  readonly inputs?: CalibrationInputs | undefined;
  /** Every block of a width keeps a multiple of this many features, rounded up, or all of them. Default 1. */
  readonly roundTo?: number | undefined;
  readonly seed?: number | undefined;
  /** By width, blocks that nothing reads and of which the first features count most, see `principalFeatures`. Default: none. */
  readonly ordered?: PrincipalFeatures['ordered'] | undefined;
  /**
   * Bytes that the moments of a layer may take, and what is recorded of the model's tensors. What is recorded adapts to it, to the same result; a
   * layer with larger moments is refused. The samples on which a block is reconstructed take at most 128 MB more. Default: no limit.
   */
  readonly memory?: number | undefined;
}

/** What became of one width. */
export interface WidthReport {
  readonly width: string;
  /** Features before and after. */
  readonly from: number;
  readonly to: number;
  readonly kind: ReductionKind;
}

/** Whether features are summed before one layer that reads them, or leave the model. */
export type ReductionKind = 'columns' | 'neurons';

/** A narrower model, and the original with zeros for what left, which computes the same. */
export interface NarrowedModel {
  readonly model: Model;
  readonly masked: () => Model;
  readonly reductions: readonly WidthReport[];
}

/** The features that stay in each block of a width: at least one. */
export function keptFeatures(width: Width, ratio: number, roundTo = 1): number {
  return clustersForRatio(width.blocks[0]!.length, ratio, roundTo);
}

/**
 * @param ratios share of its features that leaves each width, by name
 * @throws InputError `UNSUPPORTED` when the model's format cannot make widths narrower, or a layer's moments take more than `memory`
 */
export async function reduceNeurons(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  { engine, clusterer, inputs, roundTo, seed = 0, ordered, memory, signal, onProgress }: ReduceNeuronsOptions,
): Promise<NarrowedModel> {
  const network = new NarrowedNetwork(requireFeatures(model), model.graph);
  const chosen = network.widths.widths.filter(({ name }) => ratios.has(name));
  const keptOf = (width: Width): number => keptFeatures(width, ratios.get(width.name)!, roundTo);
  const narrower = chosen.filter((width) => keptOf(width) < width.blocks[0]!.length);
  const options = { engine, clusterer, seed, ordered, memory, signal };
  const refit = inputs && new NetworkRefit(model, network, narrower, inputs, { ...options, settles: true });
  const steps: readonly RefitStep[] = refit?.steps ?? narrower.map((width) => ({ width }));
  for (const [done, step] of steps.entries()) {
    signal?.throwIfAborted();
    const total = steps.length;
    const layer = step.width === undefined ? step.read.layer.name : step.width.name;
    onProgress?.({ phase: 'neurons', done, total, layer, share: done / total });
    if (refit !== undefined) await refit.take(step, keptOf);
    else await mergeFeatures(network, step.width!, keptOf(step.width!), options);
  }
  onProgress?.({ phase: 'neurons', done: steps.length, total: steps.length, share: 1 });
  const reductions = chosen.map(
    (width): WidthReport => ({
      width: width.name,
      from: width.size,
      to: keptOf(width) * width.blocks.length,
      kind: 'neurons',
    }),
  );
  return { model: network.model(), masked: () => network.masked(), reductions };
}
