/**
 * Block reconstruction: the layers that make a width and those that read it are fitted together to what the original's readers give, once features
 * have left. What the readers alone cannot make good, since they are linear in what is left, other values of the features that stay can.
 *
 * Least squares by the chain rule, where the slope of the operations between is read off by running them on slightly larger values: no format has to
 * know their derivatives. Steps by L-BFGS about the inverse of `E[φ'²] ‖w_j‖² ⊗ E[x xᵀ]` (Kronecker factors as those of Martens and Grosse, 2015,
 * arXiv 1503.05671); those stay that serve samples best that were held back. (Blocks are reconstructed with what lies in them by Li et al., ICLR 2021,
 * arXiv 2102.05426, for quantization.)
 */
import { MOST_COLUMNS } from '../calibration/moments.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import { BlockError, joined } from './block-error.js';
import { type BlockNetworks, gatherSamples } from './block-samples.js';
import { descend } from './quasi-newton.js';
import type { WidthBlock } from './width-block.js';

/** Steps of the descent: samples that were held back gain little by more. */
const STEPS = 10;
/** Steps that may serve them worse, one after the other. */
const PATIENCE = 2;
/** The most values of all weights. */
const MOST_WEIGHTS = 2 ** 22;

/**
 * Weights for the makers and readers of a block that serve samples better which were held back.
 *
 * @param start the weights as they are, by maker and then by reader, each with its bias in the last column: shape `[outputs, span·inputs + 1]`
 * @returns in the same order and form; undefined where nothing better is found, or the block is too large, or not what its graph says
 */
export async function reconstructBlock(
  block: WidthBlock,
  start: readonly DenseMatrix[],
  networks: BlockNetworks,
  signal?: AbortSignal,
): Promise<DenseMatrix[] | undefined> {
  const size = start.reduce((sum, { data }) => sum + data.length, 0);
  if (size > MOST_WEIGHTS || start.some(({ cols }) => cols > MOST_COLUMNS)) return undefined;
  const samples = await gatherSamples(block, size, networks);
  if (samples === undefined) return undefined;
  const { filters, model, engine } = networks;
  const error = await BlockError.open(block, samples, start, filters, model, engine);
  try {
    if (!(await error.agrees(start))) return undefined;
    const begin = joined(start.map(({ data }) => data));
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
    return best.point === begin ? undefined : error.weightsAt(best.point);
  } finally {
    await error.release();
  }
}
