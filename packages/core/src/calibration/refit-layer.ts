import type { CompressedLayer } from '../compression/compressed-layer.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { spread } from '../matrix/spread.js';
import { clusterFeatures } from './cluster-features.js';
import { type RidgeSolution, RidgeSystem } from './ridge-system.js';

/** One in so many rows is held back to choose the strength, up to a limit. */
const HOLD_BACK_EVERY = 5;
const MOST_HELD_BACK = 512;

/** Strengths of the ridge, strongest first, as multiples of the mean diagonal; infinity refits the bias alone. */
const STRENGTHS: readonly number[] = [Number.POSITIVE_INFINITY, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003];
/** Where the search begins: what most layers end with. */
const USUAL = STRENGTHS.indexOf(0.1);

/** What refitting did to one layer. Errors are `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` over the rows held back. */
export interface CalibrationReport {
  readonly layer: string;
  /** Rows seen, those held back included: samples, or samples times positions. */
  readonly rows: number;
  readonly errorBefore: number;
  readonly errorAfter: number;
  /** The ridge's strength as a multiple of the mean diagonal, or null when the layer keeps its data-free weights. */
  readonly strength: number | null;
}

/** Rows of a layer: what it reads in the compressed network, and what the original layer computes there. */
export interface CalibrationRows {
  /** Shape `[N, n]`. */
  readonly inputs: DenseMatrix;
  /** Shape `[N, m]`, bias included. */
  readonly targets: DenseMatrix;
}

/**
 * Refits the centroids C and the bias b of one layer: `min Σ ‖y − C z − b‖² + λ‖C − C₀‖²`, where C₀ are the data-free centroids, z
 * the cluster sums of the compressed network's own activations and y what the original layer gave. The layer shrinks towards C₀,
 * never towards zero. λ is the strength with the smallest error on rows that were held back; the refit with it then uses all rows.
 * When no strength improves that error the layer stays as it is.
 *
 * Memory: `k(k + 2m)` numbers at most, however many rows there are.
 *
 * @param bias the present bias, m values, or undefined when the layer has none: then none is added
 * @param batches rows in any number of batches
 */
export async function refitLayer(
  name: string,
  layer: CompressedLayer,
  bias: Float32Array | undefined,
  batches: AsyncIterable<CalibrationRows>,
  engine: MatrixEngine,
): Promise<{ layer: CompressedLayer; report: CalibrationReport }> {
  const { rows: m, cols: k } = layer.centroids;
  const system = new RidgeSystem(k, m, bias !== undefined, engine);
  const centroids = transpose(layer.centroids);
  const heldBack: { z: DenseMatrix; r: DenseMatrix; y: DenseMatrix }[] = [];
  let held = 0;
  let rows = 0;
  for await (const { inputs, targets } of batches) {
    const z = clusterFeatures(layer, inputs);
    const r = residuals(targets, await engine.multiply(z, centroids), bias);
    const back: number[] = [];
    const train: number[] = [];
    for (let i = 0; i < z.rows; i++, rows++) {
      (rows % HOLD_BACK_EVERY === 0 && held + back.length < MOST_HELD_BACK ? back : train).push(i);
    }
    held += back.length;
    if (back.length > 0)
      heldBack.push({ z: pickRows(z, back), r: pickRows(r, back), y: pickRows(targets, back) });
    await system.add(pickRows(z, train), pickRows(r, train));
  }
  const variance = spread(heldBack.map(({ y }) => y));
  const errorOf = async (solution?: RidgeSolution): Promise<number> => {
    let sum = 0;
    for (const { z, r } of heldBack) sum += await squaredError(z, r, solution, engine);
    return variance > 0 ? sum / variance : 0;
  };
  const errorBefore = await errorOf();
  const errorAt = async (strength: number): Promise<number> => {
    const solution = await system.solve(strength);
    return solution ? errorOf(solution) : Number.POSITIVE_INFINITY;
  };
  const best = rows > held ? await bestStrength(errorAt) : undefined;
  const improves = best !== undefined && best.error < errorBefore;
  const report = { layer: name, rows, errorBefore };
  if (!improves) return { layer, report: { ...report, errorAfter: errorBefore, strength: null } };
  for (const { z, r } of heldBack) await system.add(z, r);
  const solution = (await system.solve(best.strength))!;
  return {
    layer: refitted(layer, bias, solution),
    report: { ...report, errorAfter: best.error, strength: best.strength },
  };
}

/** Downhill from the usual strength: the error over the strength has one valley. */
async function bestStrength(
  errorOf: (strength: number) => Promise<number>,
): Promise<{ strength: number; error: number }> {
  const at = async (index: number) => ({ index, error: await errorOf(STRENGTHS[index]!) });
  let best = await at(USUAL);
  for (const step of [-1, 1]) {
    const begun = best.index;
    while (STRENGTHS[best.index + step] !== undefined) {
      const next = await at(best.index + step);
      if (!(next.error < best.error)) break;
      best = next;
    }
    if (best.index !== begun) break;
  }
  return { strength: STRENGTHS[best.index]!, error: best.error };
}

function refitted(
  layer: CompressedLayer,
  bias: Float32Array | undefined,
  { coefficients, intercept }: RidgeSolution,
): CompressedLayer {
  const { rows: m, cols: k, data } = layer.centroids;
  const centroids = denseMatrix(m, k);
  for (let i = 0; i < m; i++) {
    for (let c = 0; c < k; c++) centroids.data[i * k + c] = data[i * k + c]! + coefficients.data[c * m + i]!;
  }
  return { ...layer, centroids, ...(bias && { bias: bias.map((value, i) => value + intercept[i]!) }) };
}

/** `y − C₀z − b`. */
function residuals(targets: DenseMatrix, outputs: DenseMatrix, bias: Float32Array | undefined): DenseMatrix {
  const { rows, cols } = targets;
  const result = denseMatrix(rows, cols);
  for (let p = 0; p < result.data.length; p++)
    result.data[p] = targets.data[p]! - outputs.data[p]! - (bias?.[p % cols] ?? 0);
  return result;
}

async function squaredError(
  z: DenseMatrix,
  r: DenseMatrix,
  solution: RidgeSolution | undefined,
  engine: MatrixEngine,
): Promise<number> {
  const fitted = solution && (await engine.multiply(z, solution.coefficients));
  let sum = 0;
  for (let p = 0; p < r.data.length; p++) {
    const rest = r.data[p]! - (fitted ? fitted.data[p]! + solution.intercept[p % r.cols]! : 0);
    sum += rest * rest;
  }
  return sum;
}

function pickRows({ cols, data }: DenseMatrix, rows: readonly number[]): DenseMatrix {
  const result = denseMatrix(rows.length, cols);
  rows.forEach((row, i) => {
    result.data.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return result;
}
