/**
 * The cluster sum as products with a small matrix of ones and zeros.
 *
 * Clusters of all sizes are dealt out to T blocks with the same sizes in the same order: one matrix `[B, k₀]` then sums the
 * members of every block, and the model needs three layers instead of several per size. What cannot be dealt out evenly forms the
 * rest, with a matrix of its own. Multiplications: T·B·k₀ + N_r·k_r, where a product with the weights takes m·k.
 */
import type { ClusterGroup } from '@spherize/core';

export interface ClusterBlocks {
  /** T. */
  readonly blocks: number;
  /** Sizes of the clusters of one block, k₀ numbers with the sum B. */
  readonly sizes: readonly number[];
  /** Sizes of the clusters of the rest, k_r numbers with the sum N_r. */
  readonly rest: readonly number[];
  /** Positions among the neighbours of core's layout, in the order of the blocks. */
  readonly members: Int32Array;
  /** Cluster numbers of core's layout, in the order of the blocks. */
  readonly clusters: Int32Array;
}

/** How much a stored number counts against a multiplication. */
const COST_OF_A_NUMBER = 8;

/** Deals the clusters out to the number of blocks that costs least. */
export function dealOut(groups: readonly ClusterGroup[]): ClusterBlocks {
  const most = Math.max(...groups.map(({ count }) => count));
  let blocks = 1;
  let least = Number.POSITIVE_INFINITY;
  for (let candidate = 1; candidate <= most; candidate++) {
    const cost = costOf(groups, candidate);
    if (cost < least) {
      least = cost;
      blocks = candidate;
    }
  }
  return arrange(groups, blocks);
}

function costOf(groups: readonly ClusterGroup[], blocks: number): number {
  let [inputs, clusters, restInputs, restClusters] = [0, 0, 0, 0];
  for (const { size, count } of groups) {
    const each = Math.floor(count / blocks);
    inputs += each * size;
    clusters += each;
    restInputs += (count - each * blocks) * size;
    restClusters += count - each * blocks;
  }
  const rest = restInputs * restClusters;
  return blocks * inputs * clusters + rest + COST_OF_A_NUMBER * (inputs * clusters + rest);
}

function arrange(groups: readonly ClusterGroup[], blocks: number): ClusterBlocks {
  const members: number[] = [];
  const clusters: number[] = [];
  const starts = startsOf(groups);
  const take = (g: number, i: number) => {
    const { size } = groups[g]!;
    const { member, cluster } = starts[g]!;
    clusters.push(cluster + i);
    for (let p = 0; p < size; p++) members.push(member + i * size + p);
  };
  const each = groups.map(({ count }) => Math.floor(count / blocks));
  for (let block = 0; block < blocks; block++) {
    each.forEach((share, g) => {
      for (let i = 0; i < share; i++) take(g, block * share + i);
    });
  }
  groups.forEach(({ count }, g) => {
    for (let i = blocks * each[g]!; i < count; i++) take(g, i);
  });
  return {
    blocks,
    sizes: groups.flatMap(({ size }, g) => Array<number>(each[g]!).fill(size)),
    rest: groups.flatMap(({ size, count }, g) => Array<number>(count - blocks * each[g]!).fill(size)),
    members: Int32Array.from(members),
    clusters: Int32Array.from(clusters),
  };
}

/** Where each group begins among the members and among the clusters. */
function startsOf(groups: readonly ClusterGroup[]): { member: number; cluster: number }[] {
  let [member, cluster] = [0, 0];
  return groups.map(({ size, count }) => {
    const start = { member, cluster };
    member += size * count;
    cluster += count;
    return start;
  });
}

/** The matrix `[Σ sizes, clusters]` that adds up neighbours: row p holds a one in the column of its cluster. */
export function memberSums(sizes: readonly number[]): Float32Array {
  const rows = total(sizes);
  const result = new Float32Array(rows * sizes.length);
  let row = 0;
  sizes.forEach((size, column) => {
    for (const end = row + size; row < end; row++) result[row * sizes.length + column] = 1;
  });
  return result;
}

export function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function isIdentity(order: Int32Array): boolean {
  return order.every((position, i) => position === i);
}
