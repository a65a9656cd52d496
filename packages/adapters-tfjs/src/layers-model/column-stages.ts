/**
 * Any choice, order and sum of columns as three products with block-diagonal matrices of ones and zeros.
 *
 * TensorFlow.js has no layer that gathers, but a DepthwiseConv2D whose filters cover its input is a block-diagonal product. With the
 * n columns in a groups of b (a·b ≥ n), three of them route every column to any group (C. Clos, "A study of non-blocking
 * switching networks", Bell System Technical Journal 32, 1953, doi:10.1002/j.1538-7305.1953.tb01433.x): the first
 * brings each column to the middle block that its colour says, the second to the group of its cluster, the third sums the members.
 * Columns of one input group or one output group have different colours, and b colours always do (D. Kőnig, 1916).
 * Multiplications: a·b·(a + b + h) with h clusters in a group, about n·(2√n + k/√n), where the layer takes m·k.
 */
import type { ClusterGroup, InputForm } from '@spherize/core';
import { sizesOf } from './cluster-blocks.js';

/** One product: input position `i · blocks + block` of `width · blocks` is multiplied by `kernel[i, block, :]`. */
export interface ColumnStage {
  readonly width: number;
  readonly blocks: number;
  /** Outputs of one block; those of all blocks lie one after the other. */
  readonly outputs: number;
  /** Ones and zeros of shape `[width, blocks, outputs]`. */
  readonly kernel: Uint8Array;
}

export interface ColumnStages {
  /** a·b: columns with the zeros behind them. */
  readonly padded: number;
  readonly stages: readonly ColumnStage[];
  /** The cluster of each output: one more than once where its members are in several groups, −1 where the output is always zero. */
  readonly clusters: Int32Array;
}

/** What brings all columns of a layer's input to their clusters. */
export interface StagedColumns {
  /** n. */
  readonly columns: number;
  /** Factors of the n columns, or null. */
  readonly factors: Float32Array | null;
  readonly stages: ColumnStages;
}

/** The stages of a form whose columns do not lie as blocks want them. */
export function stagedColumns(columns: number, { gather, multiply, groups }: InputForm): StagedColumns {
  const order = gather ?? Int32Array.from({ length: columns }, (_, j) => j);
  let factors: Float32Array | null = null;
  if (multiply !== null) {
    // Columns that are not picked are multiplied by one.
    factors = new Float32Array(columns).fill(1);
    for (const [i, column] of order.entries()) factors[column] = multiply[i]!;
  }
  return { columns, factors, stages: columnStages(columns, order, groups) };
}

/** How much worse a layer of zeros behind the columns makes a choice of groups. */
const COST_OF_PADDING = 1.1;

/** The a and b with the fewest multiplications for n columns and k clusters, and how many these are. */
export function shapeOfStages(
  n: number,
  k: number,
): { groups: number; size: number; multiplications: number } {
  let best = { groups: 1, size: n, multiplications: n * (1 + n + k) };
  let least = Number.POSITIVE_INFINITY;
  for (let groups = 1; groups <= n && groups * groups <= 16 * n; groups++) {
    const size = Math.ceil(n / groups);
    const cost = groups * size * (groups + size + Math.ceil(k / groups));
    const weighed = groups * size === n ? cost : cost * COST_OF_PADDING;
    if (weighed < least) {
      least = weighed;
      best = { groups, size, multiplications: cost };
    }
  }
  return best;
}

/**
 * @param columns n
 * @param order the columns that are summed: those of a cluster are neighbours
 * @param groups sizes of the clusters in that order
 */
export function columnStages(
  columns: number,
  order: Int32Array,
  groups: readonly ClusterGroup[],
): ColumnStages {
  const sizes = sizesOf(groups);
  const { groups: a, size: b } = shapeOfStages(columns, sizes.length);
  const { group, slot, slots } = pack(sizes, a, b);
  const from = order.map((column) => column % a);
  const colours = colourEdges(from, group, a, b);
  const first = new Uint8Array(b * a * b);
  const second = new Uint8Array(a * b * a);
  const third = new Uint8Array(b * a * slots);
  const clusters = new Int32Array(a * slots).fill(-1);
  let member = 0;
  sizes.forEach((size, cluster) => {
    for (const end = member + size; member < end; member++) {
      const [c, q, p, r] = [from[member]!, colours[member]!, group[member]!, slot[member]!];
      first[order[member]! * b + q] = 1;
      second[(c * b + q) * a + p] = 1;
      third[(q * a + p) * slots + r] = 1;
      clusters[p * slots + r] = cluster;
    }
  });
  return {
    padded: a * b,
    stages: [
      { width: b, blocks: a, outputs: b, kernel: first },
      { width: a, blocks: b, outputs: a, kernel: second },
      { width: b, blocks: a, outputs: slots, kernel: third },
    ],
    clusters,
  };
}

/**
 * Deals clusters out to groups with room for `room` members, large ones first, each to the group with the fewest; what fits into
 * none is cut up.
 *
 * @returns for every member its group and its cluster's place in the group, and the places of the fullest group
 */
function pack(
  sizes: readonly number[],
  groups: number,
  room: number,
): { group: Int32Array; slot: Int32Array; slots: number } {
  const starts: number[] = [];
  let members = 0;
  for (const size of sizes) {
    starts.push(members);
    members += size;
  }
  const [group, slot] = [new Int32Array(members), new Int32Array(members)];
  const [left, used] = [new Int32Array(groups).fill(room), new Int32Array(groups)];
  const choose = (size: number): number => {
    let best = -1;
    for (let g = 0; g < groups; g++) {
      if (left[g]! < size) continue;
      if (best < 0 || used[g]! < used[best]! || (used[g] === used[best] && left[g]! > left[best]!)) best = g;
    }
    return best;
  };
  const largestFirst = sizes.map((_, cluster) => cluster).sort((x, y) => sizes[y]! - sizes[x]! || x - y);
  for (const cluster of largestFirst) {
    const end = starts[cluster]! + sizes[cluster]!;
    for (let at = starts[cluster]!; at < end; ) {
      const most = left.reduce((x, y) => Math.max(x, y), 0);
      const part = Math.min(end - at, most);
      const g = choose(part);
      group.fill(g, at, at + part);
      slot.fill(used[g]!, at, at + part);
      used[g]!++;
      left[g]! -= part;
      at += part;
    }
  }
  return { group, slot, slots: used.reduce((x, y) => Math.max(x, y), 1) };
}

/**
 * Colours the edges of a bipartite graph, in which no vertex has more edges than there are colours, so that the edges of each vertex differ.
 *
 * @param left for every edge its vertex on one side, in [0, vertices)
 * @param right on the other
 */
function colourEdges(left: Int32Array, right: Int32Array, vertices: number, colours: number): Int32Array {
  const ends = [left, right] as const;
  // The edge of every vertex and colour, on each side.
  const tables = [0, 1].map(() => new Int32Array(vertices * colours).fill(-1));
  const result = new Int32Array(left.length);
  const place = (edge: number, colour: number) => {
    result[edge] = colour;
    for (const side of [0, 1]) tables[side]![ends[side]![edge]! * colours + colour] = edge;
  };
  const free = (side: 0 | 1, vertex: number): number =>
    tables[side]!.subarray(vertex * colours, (vertex + 1) * colours).indexOf(-1);
  for (let edge = 0; edge < left.length; edge++) {
    const colour = free(0, left[edge]!);
    const instead = free(1, right[edge]!);
    // The path from the right vertex that alternates between the two colours does not come to the left vertex: swap them on it.
    const path: number[] = [];
    let [side, vertex, want, other] = [1, right[edge]!, colour, instead];
    while (want !== other) {
      const next = tables[side]![vertex * colours + want]!;
      if (next < 0) break;
      path.push(next);
      side = 1 - side;
      vertex = ends[side]![next]!;
      [want, other] = [other, want];
    }
    for (const changed of path) {
      for (const end of [0, 1]) tables[end]![ends[end]![changed]! * colours + result[changed]!] = -1;
    }
    for (const changed of path) place(changed, result[changed] === colour ? instead : colour);
    place(edge, colour);
  }
  return result;
}
