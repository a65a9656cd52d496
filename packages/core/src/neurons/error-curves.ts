/** What each width can lose at what error: the distortions from which ratios are allocated. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { clustersForRatio } from '../compression/column-reduction.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';
import { NarrowedNetwork } from './narrowed-network.js';
import type { PrincipalFeatures } from './principal-features.js';
import { NetworkRefit } from './refit-network.js';

export interface ErrorCurvesOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  readonly seed?: number | undefined;
  /** As of `reduceNeurons`. */
  readonly memory?: number | undefined;
  /** As of `reduceNeurons`. */
  readonly ordered?: PrincipalFeatures['ordered'] | undefined;
  /**
   * Given the model in which one width alone keeps so many features in each block, and what reads it is refitted: half of them, or fewer where half
   * costs its readers next to nothing. What an error there does to the outputs can be measured on it. Where layers read it and no error is known, half of
   * them and an eighth.
   */
  readonly onNarrowed?: ((width: Width, keep: number, model: Model) => Promise<void>) | undefined;
}

/** Shares that may leave a width: it tells most at the first that costs its readers so much. */
const [TOLD_AT, TOLD_BY] = [[0.5, 0.75, 0.9], 1e-4] as const;
/** Where layers read a width and do not tell, shares that leave. */
const UNTOLD_AT = [0.5, 0.875] as const;

/**
 * The error over the number of features that leave, for every number at once, from one pass over the inputs.
 *
 * The unit is a share without dimension: squared error by variance, `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` over the rows of a layer's outputs, 0 nothing lost and 1
 * as bad as the mean. A width that several layers read has the sum of their shares. Curves of different widths do not add up to the error of the
 * model's outputs: what a layer's error does there is not in them.
 *
 * @returns by width: entry i is what i features that leave cost, chosen by elimination and the weights of all others refitted. Entry 0 is 0, none is
 * less than the one before, and the last is that of one feature left in each block. Blocks that no layer reads, such as those of queries and keys,
 * are not counted. Empty where no error is known
 * @throws InputError `UNSUPPORTED` when the model's format cannot make widths narrower, or a layer's moments take more than `memory`
 */
export async function errorCurves(
  model: Model,
  widths: readonly Width[],
  inputs: CalibrationInputs,
  { engine, seed = 0, memory, ordered, signal, onProgress, onNarrowed }: ErrorCurvesOptions,
): Promise<Map<string, Float64Array>> {
  const network = new NarrowedNetwork(requireFeatures(model), model.graph);
  const refit = new NetworkRefit(model, network, widths, inputs, { engine, seed, memory, ordered, signal });
  const curves = new Map<string, Float64Array>();
  for (const [done, step] of refit.steps.entries()) {
    const { width } = step;
    if (width === undefined) continue;
    signal?.throwIfAborted();
    const total = widths.length;
    onProgress?.({ phase: 'curves', done, total, layer: width.name, share: done / total });
    const { errors, narrowed } = await refit.curve(step);
    curves.set(width.name, errors);
    if (onNarrowed === undefined) continue;
    for (const keep of keptAt(width, errors)) await onNarrowed(width, keep, await narrowed(keep));
  }
  onProgress?.({ phase: 'curves', done: widths.length, total: widths.length, share: 1 });
  return curves;
}

/** What a curve says of a width that keeps so many features in each block; undefined where it is empty. */
export function errorAt({ blocks }: Width, errors: Float64Array, keep: number): number | undefined {
  const most = blocks[0]!.length - 1;
  return most > 0 ? errors[Math.round(((errors.length - 1) * (most + 1 - keep)) / most)] : errors[0];
}

/** So many features of each block at which the outputs are compared, fewer than there are. */
function keptAt(width: Width, errors: Float64Array): number[] {
  const size = width.blocks[0]!.length;
  const keptOf = (shares: readonly number[]): number[] =>
    [...new Set(shares.map((share) => clustersForRatio(size, share)))].filter((keep) => keep < size);
  if (errors.length === 0 && width.consumers.length > 0) return keptOf(UNTOLD_AT);
  const kept = keptOf(TOLD_AT);
  const told = kept.find((keep) => (errorAt(width, errors, keep) ?? 1) >= TOLD_BY) ?? kept.at(-1);
  return told === undefined ? [] : [told];
}
