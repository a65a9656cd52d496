/**
 * Every compression is run against a reference: what the rewriting changes is the order in which the same numbers are summed, so
 * the outputs must agree to rounding.
 */
import { type CompressedLayer, largestColumnError } from '../compression/compressed-layer.js';
import { planRewrite } from '../compression/plan-rewrite.js';
import { sparsityOf } from '../compression/pruning.js';
import type { Model } from '../format/model-format.js';
import { compareModels, type Verification, type VerifyOptions } from './compare-models.js';

/** A layer whose columns were only normalised and scaled back differs by less than this. */
const LOSSLESS = 1e-6;

/** What compression made of a model. */
export interface Compression {
  readonly model: Model;
  /** What became of each layer. */
  readonly layers: readonly CompressionFigures[];
  /** The compressed layers by name. */
  readonly compressed: ReadonlyMap<string, CompressedLayer>;
}

/** How far a compressed layer is from the original's. */
export interface CompressionFigures {
  readonly name: string;
  /** `‖W − Ŵ‖_F / ‖W‖_F` against the pruned W. */
  readonly relativeError: number;
  /** The share of zeros in W when it was clustered. */
  readonly sparsity: number;
}

/**
 * Runs a compressed model against its reference on generated inputs: the original where nothing was merged, otherwise
 * the original with the same clusters in explicit form, where a gather, a multiplication and sums stand before each
 * layer and nothing is folded.
 *
 * @returns the deviation, or why there is none; see `compareModels`
 * @throws InputError and ProofError as `compareModels` does
 */
export function verifyRewrite(
  original: Model,
  compression: Compression,
  options: VerifyOptions = {},
): Promise<Verification> {
  const reference = nothingMerged(original, compression)
    ? ({ form: 'original', model: () => original } as const)
    : ({ form: 'explicit form', model: () => explicitForm(original, compression.compressed) } as const);
  return compareModels(original, compression.model, reference, options);
}

/** The model with the same clusters, and nothing folded. */
function explicitForm(original: Model, compressed: ReadonlyMap<string, CompressedLayer>): Model {
  return original.rewrite(planRewrite(original, compressed, { folding: 'explicit' }).rewrite);
}

/** Column by column: beside one that is huge, all others are nothing to the error of a whole layer. */
function nothingMerged(original: Model, { layers, compressed }: Compression): boolean {
  return layers.every(
    ({ name, relativeError, sparsity }) =>
      relativeError <= LOSSLESS &&
      sparsity === sparsityOf(original.weights(name)) &&
      largestColumnError(original.weights(name), compressed.get(name)!) <= LOSSLESS,
  );
}
