/**
 * Block reconstruction: the layers that make a width and those that read it are fitted together to what the original's readers give, once features
 * have left. What the readers alone cannot make good, since they are linear in what is left, other values of the features that stay can.
 *
 * Least squares by the chain rule, where the slope of the operations between is read off by running them on slightly larger values: no format has to
 * know their derivatives. Steps by L-BFGS about the inverse of `E[φ'²] ‖w_j‖² ⊗ E[x xᵀ]` (Kronecker factors as those of Martens and Grosse, 2015,
 * arXiv 1503.05671); those stay that serve samples best that were held back. (Blocks are reconstructed with what lies in them by Li et al., ICLR 2021,
 * arXiv 2102.05426, for quantization.)
 */
import type { FeatureLayer } from '../format/feature-flow.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import type { NarrowedNetwork } from '../neurons/narrowed-network.js';
import { narrowedWeights } from '../widths/narrowed-weights.js';
import { BlockError } from './block-error.js';
import { type GatherOptions, gatherSamples, withBias } from './block-samples.js';
import { descend } from './quasi-newton.js';
import type { WidthBlock } from './width-block.js';

/** Steps of the descent: samples that were held back gain little by more. */
const STEPS = 10;
/** Steps that may serve them worse, one after the other. */
const PATIENCE = 2;
/** The most columns of a layer, and values of all weights. */
const MOST_COLUMNS = 3584;
const MOST_WEIGHTS = 2 ** 22;

export interface ReconstructionOptions extends GatherOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Changes the network's layers of a block where that serves samples better that were held back. */
export async function reconstructBlock(
  network: NarrowedNetwork,
  block: WidthBlock,
  options: ReconstructionOptions,
): Promise<void> {
  const layers = [...block.makers, ...block.readers].map(({ layer }) => layer);
  const start = layers.map((layer) => weightsLeft(network, layer));
  const size = start.reduce((sum, { data }) => sum + data.length, 0);
  if (size > MOST_WEIGHTS || start.some(({ cols }) => cols > MOST_COLUMNS)) return;
  const samples = await gatherSamples(network, block, size, options);
  if (samples === undefined) return;
  const { engine, signal } = options;
  const error = await BlockError.open(block, samples, start, network.model(), engine);
  try {
    if (!(await error.agrees(start))) return;
    const begin = Float64Array.from(start.flatMap(({ data }) => [...data]));
    let best: { point: Float64Array; error: number } = { point: begin, error: await error.held(begin) };
    let worse = 0;
    await descend(begin, (point) => error.evaluate(point), {
      steps: STEPS,
      precondition: await error.preconditioner(begin),
      async onStep(point) {
        signal?.throwIfAborted();
        const found = await error.held(point);
        worse = found < best.error ? 0 : worse + 1;
        if (worse === 0) best = { point, error: found };
        return worse < PATIENCE;
      },
    });
    if (best.point === begin) return;
    for (const [l, weights] of error.weightsAt(best.point).entries())
      replaceLeft(network, layers[l]!, weights);
  } finally {
    await error.release();
  }
}

/** What is left of a layer's weights, with its bias: shape `[outputs, span·inputs + 1]`. */
function weightsLeft(network: NarrowedNetwork, layer: FeatureLayer): DenseMatrix {
  const { weights, bias } = network.weights(layer.name);
  const left = network.narrowing.layers.get(layer.name) ?? { rows: null, columns: null };
  return withBias(layer, narrowedWeights(layer, weights, bias ?? undefined, left));
}

/** Puts them back among those that have left. */
function replaceLeft(network: NarrowedNetwork, layer: FeatureLayer, { cols, data }: DenseMatrix): void {
  const { weights, bias } = network.weights(layer.name);
  const { rows, columns } = network.narrowing.layers.get(layer.name) ?? { rows: null, columns: null };
  const kept = rows ?? Int32Array.from({ length: layer.outputs }, (_, o) => o);
  const read = columns ?? Int32Array.from({ length: layer.inputs }, (_, c) => c);
  const values = weights.data.slice();
  const added = bias?.slice() ?? null;
  for (const [o, output] of kept.entries()) {
    for (let s = 0; s < layer.span; s++)
      for (const [c, column] of read.entries())
        values[(output * layer.span + s) * layer.inputs + column] = data[o * cols + s * read.length + c]!;
    if (added !== null) added[output] = data[o * cols + cols - 1]!;
  }
  network.refit(layer.name, { weights: { ...weights, data: values }, bias: added });
}
