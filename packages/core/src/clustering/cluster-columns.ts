import type { AbstractMatrix } from 'ml-matrix';
import { InputError } from '../errors.js';
import { columnUnits, inUnits } from '../matrix/column-units.js';
import { computedGram } from '../matrix/computed-gram.js';
import { asDenseMatrix, type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { type ComputeGramOptions, gramOf } from '../matrix/gram.js';
import { vectorsInColumns } from '../matrix/gram-vectors.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Clusterer, Clustering, ClusterOptions, Columns } from './clusterer.js';
import { resolveOptions } from './own-options.js';

/** The columns of a weight matrix that can be clustered, and where they stand in it. */
export interface PreparedColumns extends Columns {
  /** Position in W of each column, ascending; columns that are all zero are left out. */
  readonly positions: Int32Array;
  /** n of W, zero columns included. */
  readonly total: number;
  /**
   * e_j where norms and Gram matrix are those of `2^(e_j) w_j`, since float32 does not hold the products of the columns themselves;
   * `clusterColumns` puts its answer back into the units of W.
   */
  readonly units?: Int32Array | undefined;
}

export interface PrepareOptions extends ComputeGramOptions {
  /**
   * Bytes that the Gram matrix may take. A larger one is not held: its rows are computed when they are needed, pass after
   * pass, by the engine. Default: no limit.
   */
  readonly memory?: number | undefined;
}

/**
 * Takes the non-zero columns of W and computes their Gram matrix: the costly step, done once and shared by every
 * clusterer, k and seed.
 *
 * @param matrix W of shape `[m, n]`, of either kind
 * @throws InputError `BAD_MATRIX` that names a column with a value that is not finite
 */
export async function prepareColumns(
  matrix: DenseMatrix | AbstractMatrix,
  engine: MatrixEngine,
  options: PrepareOptions = {},
): Promise<PreparedColumns> {
  const weights = asDenseMatrix(matrix);
  const { positions, squaredNorms } = nonZeroColumns(weights);
  const count = positions.length;
  const memory = options.memory ?? Number.POSITIVE_INFINITY;
  const held = count * count * Float32Array.BYTES_PER_ELEMENT <= memory;
  const gramOfColumns = async (matrix: DenseMatrix, places: Int32Array, squares: Float64Array) =>
    held
      ? gramOf(vectorsInColumns(matrix, places, squares), engine, options)
      : computedGram(selectColumns(matrix, places), squares, engine, memory);
  const units = columnUnits(squaredNorms);
  const gram = units
    ? await gramOfColumns(
        inUnits(selectColumns(weights, positions), units),
        Int32Array.from({ length: count }, (_, p) => p),
        squaredNorms.map((square, p) => square * 4 ** units[p]!),
      )
    : await gramOfColumns(weights, positions, squaredNorms);
  const norms = gram.diagonal.map(Math.sqrt);
  return { count, norms, gram, positions, total: weights.cols, ...(units && { units }) };
}

/**
 * Clusters prepared columns and checks what the clusterer returns.
 *
 * When k is at least the number of columns, every column is its own cluster and the clusterer is not asked. Options of its own have
 * their defaults; `withOptions` gives them others.
 *
 * @throws InputError `BAD_ARGUMENT` for k outside `[1, n]`, `BAD_PLUGIN` when the clusterer breaks its contract
 */
export async function clusterColumns(
  clusterer: Clusterer,
  columns: PreparedColumns,
  k: number,
  options: ClusterOptions = {},
): Promise<Clustering> {
  if (!Number.isInteger(k) || k < 1 || k > columns.total) {
    throw new InputError(
      'BAD_ARGUMENT',
      `${clusterer.name}: k must be in [1, ${columns.total} columns], got ${k}`,
    );
  }
  if (k >= columns.count) return everyColumnAlone(columns);
  const { seed, weights, signal, onProgress } = options;
  const own = resolveOptions(clusterer);
  const clustering = await clusterer.cluster(columns, k, { ...own, seed, weights, signal, onProgress });
  checkClustering(clusterer.name, clustering, columns.count, k);
  return columns.units ? inOwnUnits(clustering, columns.units) : clustering;
}

/**
 * From columns in other units back to those of W. Per cluster the largest unit of a member goes to the centroid, and the factors keep
 * what differs from it: they stay near those of an ordinary matrix, wherever they are folded to.
 */
function inOwnUnits(clustering: Clustering, units: Int32Array): Clustering {
  const { assignment } = clustering;
  const least = new Map<number, number>();
  for (const [j, c] of assignment.entries()) least.set(c, Math.min(least.get(c) ?? units[j]!, units[j]!));
  const raised = units.map((exponent, j) => exponent - least.get(assignment[j]!)!);
  return {
    ...clustering,
    scales: clustering.scales.map((scale, j) => scale * 2 ** -raised[j]!),
    coefficients: clustering.coefficients.map((coefficient, j) => coefficient * 2 ** raised[j]!),
  };
}

function everyColumnAlone(columns: Columns): Clustering {
  return {
    assignment: Int32Array.from({ length: columns.count }, (_, j) => j),
    scales: new Float64Array(columns.count).fill(1),
    coefficients: new Float64Array(columns.count).fill(1),
  };
}

function checkClustering(name: string, clustering: Clustering, count: number, k: number): void {
  const fail = (what: string): never => {
    throw new InputError('BAD_PLUGIN', `clusterer ${name}: ${what}`);
  };
  for (const key of ['assignment', 'scales', 'coefficients'] as const) {
    const length = clustering?.[key]?.length;
    if (length !== count) fail(`'${key}' must have ${count} values, one per column, got ${length}`);
  }
  for (let j = 0; j < count; j++) {
    const cluster = clustering.assignment[j]!;
    if (!Number.isInteger(cluster) || cluster < -1 || cluster >= k) {
      fail(`column ${j} is assigned to cluster ${cluster}, expected -1 or one in [0, ${k})`);
    }
    const scale = clustering.scales[j]!;
    if (!Number.isFinite(scale) || scale < 0)
      fail(`the scale of column ${j} must be finite and not negative, got ${scale}`);
    if (!Number.isFinite(clustering.coefficients[j]!)) {
      fail(`the coefficient of column ${j} must be finite, got ${clustering.coefficients[j]}`);
    }
  }
}

/** Positions and squared norms of the columns that are not all zero. */
function nonZeroColumns(weights: DenseMatrix): { positions: Int32Array; squaredNorms: Float64Array } {
  const { rows, cols, data } = weights;
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const value = data[i * cols + j]!;
      if (!Number.isFinite(value)) {
        throw new InputError(
          'BAD_MATRIX',
          `weights: column ${j} has ${value} in row ${i}; all values must be finite: leave the layer out, or export the model again`,
        );
      }
      squares[j] = squares[j]! + value * value;
    }
  }
  const positions = Int32Array.from({ length: cols }, (_, j) => j).filter((j) => squares[j]! > 0);
  return { positions, squaredNorms: Float64Array.from(positions, (j) => squares[j]!) };
}

/** Some columns of a matrix; the matrix itself when those are all. */
function selectColumns(matrix: DenseMatrix, positions: Int32Array): DenseMatrix {
  if (positions.length === matrix.cols) return matrix;
  const result = denseMatrix(matrix.rows, positions.length);
  for (let i = 0; i < matrix.rows; i++) {
    for (let p = 0; p < positions.length; p++) {
      result.data[i * positions.length + p] = matrix.data[i * matrix.cols + positions[p]!]!;
    }
  }
  return result;
}
