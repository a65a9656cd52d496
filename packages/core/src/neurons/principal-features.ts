/**
 * Features between two layers with nothing but linear operations on the way, such as the value dimensions of a head, are one basis of many:
 * `O·v = (O·T⁻¹)·(T·v)`. They are turned into the one of which the first k carry the most of what the reading layer gives, for every k: with the
 * covariance `S = L·Lᵀ` of the features and `Lᵀ·Oᵀ·O·L = Q·Λ·Qᵀ`, `T = Qᵀ·L⁻¹` makes them uncorrelated with outputs that are orthogonal, so that leaving out the
 * smallest ones is the best approximation of that rank (Eckart and Young, 1936, doi:10.1007/BF02288367). Nothing is lost until some of them leave.
 */
import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  Matrix,
  SingularValueDecomposition,
} from 'ml-matrix';
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import type { Model } from '../format/model-format.js';
import { type NarrowedWeights, otherWeights } from '../format/model-narrowing.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';
import { type BlockMoments, blockMoments } from './block-moments.js';
import { type End, linearBlocks } from './linear-blocks.js';

/** Samples that tell covariances well enough. */
const SAMPLES = 256;

export interface PrincipalFeaturesOptions {
  readonly engine: MatrixEngine;
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model with other features that computes the same. */
export interface PrincipalFeatures {
  readonly model: Model;
  /** By width, the blocks of which the first features count most: those of queries and keys. */
  readonly ordered: ReadonlyMap<string, ReadonlySet<number>>;
}

/**
 * The same function with other features between such layers; the model itself where it has none.
 *
 * @param widths those that are going to become narrower
 * @param inputs on which the features' covariances are taken
 */
export async function principalFeatures(
  model: Model,
  widths: readonly Width[],
  inputs: CalibrationInputs,
  { engine, seed = 0, signal }: PrincipalFeaturesOptions,
): Promise<PrincipalFeatures> {
  const features = requireFeatures(model);
  const blocks = widths.flatMap((width) => linearBlocks(model.graph, width));
  if (blocks.length === 0) return { model, ordered: new Map() };
  const few = firstSamples(inputs, SAMPLES);
  const moments = await blockMoments(model, blocks, few, { engine, seed, signal });
  const turned = new Map<string, NarrowedWeights>();
  const weightsOf = ({ layer }: End): NarrowedWeights => {
    let own = turned.get(layer);
    if (own === undefined) {
      const { weights, bias } = features.weights(layer);
      own = { weights: { ...weights, data: weights.data.slice() }, bias: bias?.slice() ?? null };
      turned.set(layer, own);
    }
    return own;
  };
  const ordered = new Map<string, Set<number>>();
  for (const [i, { width, index, kind, first, second }] of blocks.entries()) {
    const turn =
      kind === 'read'
        ? turnForReaders(
            moments[i]!,
            second.map((end) => columnsAt(weightsOf(end), end.places)),
          )
        : turnForPair(moments[i]!);
    for (const end of first) turnRows(weightsOf(end), end.places, turn.forth);
    for (const end of second)
      (kind === 'read' ? turnColumns : turnRows)(weightsOf(end), end.places, turn.back);
    if (kind === 'paired') ordered.set(width, (ordered.get(width) ?? new Set()).add(index));
  }
  return { model: features.narrow(otherWeights(turned)), ordered };
}

/** What is added to variances first where sums were rounded to what has no inverse, as a share of their mean. */
const FIRST_MORE = 1e-5;

/** What the rows at one end are multiplied by, and the columns or the rows at the other. */
interface Turn {
  readonly forth: Matrix;
  readonly back: Matrix;
}

/** `T` and `T⁻¹`, so that features are uncorrelated and the outputs that they give orthogonal, the largest first. */
function turnForReaders([covariance]: BlockMoments, read: readonly Matrix[]): Turn {
  const lower = lowerOf(covariance!);
  const given = read
    .map((columns) => columns.mmul(lower))
    .map((outputs) => outputs.transpose().mmul(outputs))
    .reduce((all, own) => all.add(own));
  const { eigenvectorMatrix } = new EigenvalueDecomposition(given, { assumeSymmetric: true });
  const size = lower.rows;
  const basis = new Matrix(size, size);
  // Eigenvalues grow.
  for (let i = 0; i < size; i++) basis.setColumn(i, eigenvectorMatrix.getColumn(size - 1 - i));
  const forth = solveUpper(lower, basis).transpose();
  const lengths = lengthsOfRows(forth);
  return { forth: forth.divColumnVector(lengths), back: lower.mmul(basis).mulRowVector(lengths) };
}

/** `T` and `T⁻ᵀ`: with `q = A·u`, `k = B·v` of uncorrelated u and v, `qᵀ·k = uᵀ·(Aᵀ·B)·v`, of which the singular vectors are the features. */
function turnForPair([queries, keys]: BlockMoments): Turn {
  const [a, b] = [lowerOf(queries!), lowerOf(keys!)];
  const { leftSingularVectors } = new SingularValueDecomposition(a.transpose().mmul(b));
  const forth = solveUpper(a, leftSingularVectors).transpose();
  const lengths = lengthsOfRows(forth);
  return {
    forth: forth.divColumnVector(lengths),
    back: a.mmul(leftSingularVectors).transpose().mulColumnVector(lengths),
  };
}

/** By which features keep the size that they had: those that hardly vary would become large ones, mostly their mean. */
function lengthsOfRows(matrix: Matrix): number[] {
  return Array.from({ length: matrix.rows }, (_, i) => Math.hypot(...matrix.getRow(i)));
}

/** L of `L·Lᵀ`, of moments about which fewer rows than features may tell, with as much more on the diagonal as that takes. */
function lowerOf(moments: Matrix): Matrix {
  let decomposition = new CholeskyDecomposition(moments);
  const mean = moments.trace() / moments.rows;
  for (let more = FIRST_MORE; more <= 1 && !decomposition.isPositiveDefinite(); more *= 10)
    decomposition = new CholeskyDecomposition(Matrix.add(moments, Matrix.eye(moments.rows).mul(more * mean)));
  return decomposition.lowerTriangularMatrix;
}

/** `L⁻ᵀ·B`. */
function solveUpper(lower: Matrix, right: Matrix): Matrix {
  const size = lower.rows;
  const result = right.clone();
  for (let c = 0; c < size; c++) {
    for (let i = size - 1; i >= 0; i--) {
      let sum = result.get(i, c);
      for (let k = i + 1; k < size; k++) sum -= lower.get(k, i) * result.get(k, c);
      result.set(i, c, sum / lower.get(i, i));
    }
  }
  return result;
}

function columnsAt({ weights: { rows, cols, data } }: NarrowedWeights, places: readonly number[]): Matrix {
  const result = new Matrix(rows, places.length);
  for (let i = 0; i < rows; i++)
    for (const [j, place] of places.entries()) result.set(i, j, data[i * cols + place]!);
  return result;
}

/** Rows, and their biases, become `T` times themselves. */
function turnRows(
  { weights: { cols, data }, bias }: NarrowedWeights,
  places: readonly number[],
  turn: Matrix,
): void {
  const size = places.length;
  const rows = new Matrix(size, cols + 1);
  for (const [i, place] of places.entries()) {
    for (let c = 0; c < cols; c++) rows.set(i, c, data[place * cols + c]!);
    rows.set(i, cols, bias?.[place] ?? 0);
  }
  const turned = turn.mmul(rows);
  for (const [i, place] of places.entries()) {
    for (let c = 0; c < cols; c++) data[place * cols + c] = turned.get(i, c);
    if (bias !== null) bias[place] = turned.get(i, cols);
  }
}

/** Columns become themselves times `T⁻¹`. */
function turnColumns(reader: NarrowedWeights, places: readonly number[], back: Matrix): void {
  const { rows, cols, data } = reader.weights;
  const turned = columnsAt(reader, places).mmul(back);
  for (let i = 0; i < rows; i++)
    for (const [j, place] of places.entries()) data[i * cols + place] = turned.get(i, j);
}
