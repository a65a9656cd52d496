/** Which features stay. */

import { clusterColumns, prepareColumns } from '../clustering/cluster-columns.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';

/** What a feature that leaves is replaced by: `x_j ≈ factor · x_substitute`. */
export interface Merge {
  readonly feature: number;
  readonly substitute: number;
  readonly factor: number;
}

/**
 * Clusters features by the weights that make them, block by block, and keeps of every cluster the member nearest to its centroid: where
 * weights have one direction and the activation is homogeneous, the others are multiples of it.
 *
 * @param made column j holds the weights that make feature j, of all layers that do, biases included
 * @param blocks places of features of which each block keeps `keep`
 */
export async function chooseByClusters(
  made: DenseMatrix,
  blocks: readonly Int32Array[],
  keep: number,
  clusterer: Clusterer,
  engine: MatrixEngine,
  options: { seed?: number | undefined; signal?: AbortSignal | undefined },
): Promise<{ kept: Int32Array; merges: Merge[] }> {
  const kept: number[] = [];
  const merges: Merge[] = [];
  for (const block of blocks) {
    const columns = denseMatrix(made.rows, block.length);
    for (let i = 0; i < made.rows; i++)
      for (const [c, feature] of block.entries())
        columns.data[i * block.length + c] = made.data[i * made.cols + feature]!;
    const prepared = await prepareColumns(columns, engine, options);
    const clustering = await clusterColumns(clusterer, prepared, keep, options);
    const members = new Map<number, number[]>();
    for (const [p, cluster] of clustering.assignment.entries()) {
      if (cluster < 0) continue;
      members.set(cluster, [...(members.get(cluster) ?? []), prepared.positions[p]!]);
    }
    const norms = columnNorms(columns);
    const stay = new Set<number>();
    for (const list of members.values()) {
      const representative = nearestToMean(columns, norms, list);
      stay.add(representative);
      for (const other of list) {
        if (other === representative) continue;
        const factor = norms[other]! / norms[representative]!;
        merges.push({ feature: block[other]!, substitute: block[representative]!, factor });
      }
    }
    // Every block keeps the same number: where there are fewer clusters, the heaviest of the others stay too.
    const rest = [...block.keys()].filter((c) => !stay.has(c)).sort((a, b) => norms[b]! - norms[a]! || a - b);
    for (const c of rest) {
      if (stay.size >= keep) break;
      stay.add(c);
    }
    for (const c of [...stay].sort((a, b) => a - b)) kept.push(block[c]!);
  }
  const stays = new Set(kept);
  return { kept: Int32Array.from(kept), merges: merges.filter(({ feature }) => !stays.has(feature)) };
}

/** Cosine from which features count as multiples of one another. */
const SAME = 0.999;

/**
 * The features with the largest scores, multiples of those that stay last.
 *
 * @param made column j holds the weights that make feature j
 */
export function choosePairs(
  made: DenseMatrix,
  scores: Float64Array,
  blocks: readonly Int32Array[],
  keep: number,
): { kept: Int32Array; merges: Merge[] } {
  const norms = columnNorms(made);
  const cosine = (a: number, b: number): number => {
    let product = 0;
    for (let i = 0; i < made.rows; i++)
      product += made.data[i * made.cols + a]! * made.data[i * made.cols + b]!;
    return product / (norms[a]! * norms[b]!);
  };
  const kept: number[] = [];
  const merges: Merge[] = [];
  for (const block of blocks) {
    const ordered = [...block].sort((a, b) => scores[b]! - scores[a]! || a - b);
    const stay: number[] = [];
    const repeated: Merge[] = [];
    for (const feature of ordered) {
      const substitute = stay.find((other) => cosine(feature, other) > SAME);
      if (substitute !== undefined)
        repeated.push({ feature, substitute, factor: norms[feature]! / norms[substitute]! });
      else if (stay.length < keep) stay.push(feature);
    }
    const room = repeated.splice(0, keep - stay.length).map(({ feature }) => feature);
    kept.push(...[...stay, ...room].sort((a, b) => a - b));
    merges.push(...repeated);
  }
  return { kept: Int32Array.from(kept), merges };
}

/** The features with the largest scores, as many in every block. */
export function chooseByScore(scores: Float64Array, blocks: readonly Int32Array[], keep: number): Int32Array {
  return Int32Array.from(
    blocks.flatMap((block) =>
      [...block]
        .sort((a, b) => scores[b]! - scores[a]! || a - b)
        .slice(0, keep)
        .sort((a, b) => a - b),
    ),
  );
}

/** `Σ x²` of every column. */
function columnSquares({ rows, cols, data }: DenseMatrix): Float64Array {
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) squares[j] = squares[j]! + data[i * cols + j]! ** 2;
  return squares;
}

function columnNorms(columns: DenseMatrix): Float64Array {
  return columnSquares(columns).map(Math.sqrt);
}

/** The member with the largest cosine to the mean direction. */
function nearestToMean(columns: DenseMatrix, norms: Float64Array, members: readonly number[]): number {
  const { rows, cols, data } = columns;
  const mean = new Float64Array(rows);
  for (const j of members)
    for (let i = 0; i < rows; i++) mean[i] = mean[i]! + data[i * cols + j]! / norms[j]!;
  let best = members[0]!;
  let highest = Number.NEGATIVE_INFINITY;
  for (const j of members) {
    let cosine = 0;
    for (let i = 0; i < rows; i++) cosine += (mean[i]! * data[i * cols + j]!) / norms[j]!;
    if (cosine > highest) [highest, best] = [cosine, j];
  }
  return best;
}
