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
}

/** The order of clusters in which `blocksOf` finds blocks; see `Model.layout`. */
export function blockOrder(groups: readonly ClusterGroup[]): Int32Array {
  return dealOut(groups).clusters;
}

/** The blocks of clusters that lie in their order, or undefined when they do not. */
export function blocksOf(groups: readonly ClusterGroup[]): ClusterBlocks | undefined {
  const counts = new Map<number, number>();
  for (const { size, count } of groups) counts.set(size, (counts.get(size) ?? 0) + count);
  const rising = [...counts].sort(([a], [b]) => a - b).map(([size, count]) => ({ size, count }));
  const dealt = dealOut(rising);
  const wanted = [...Array<readonly number[]>(dealt.blocks).fill(dealt.sizes).flat(), ...dealt.rest];
  return sizesOf(groups).every((size, i) => size === wanted[i]) ? dealt : undefined;
}

/** The size of every cluster. */
export function sizesOf(groups: readonly ClusterGroup[]): number[] {
  return groups.flatMap(({ size, count }) => Array<number>(count).fill(size));
}

/** How much a stored number counts against a multiplication. */
const COST_OF_A_NUMBER = 8;

/** Deals the clusters out to the number of blocks that costs least; `clusters` are their numbers in the order of the blocks. */
export function dealOut(groups: readonly ClusterGroup[]): ClusterBlocks & { clusters: Int32Array } {
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

function arrange(groups: readonly ClusterGroup[], blocks: number): ClusterBlocks & { clusters: Int32Array } {
  const clusters: number[] = [];
  const starts = groups.map((_, g) => groups.slice(0, g).reduce((sum, { count }) => sum + count, 0));
  const each = groups.map(({ count }) => Math.floor(count / blocks));
  for (let block = 0; block < blocks; block++) {
    each.forEach((share, g) => {
      for (let i = 0; i < share; i++) clusters.push(starts[g]! + block * share + i);
    });
  }
  groups.forEach(({ count }, g) => {
    for (let i = blocks * each[g]!; i < count; i++) clusters.push(starts[g]! + i);
  });
  return {
    blocks,
    sizes: groups.flatMap(({ size }, g) => Array<number>(each[g]!).fill(size)),
    rest: groups.flatMap(({ size, count }, g) => Array<number>(count - blocks * each[g]!).fill(size)),
    clusters: Int32Array.from(clusters),
  };
}

/** The matrix `[Σ sizes, clusters]` that adds up neighbours: row p holds a one in the column of its cluster. */
export function memberSums(sizes: readonly number[]): Uint8Array {
  const rows = total(sizes);
  const result = new Uint8Array(rows * sizes.length);
  let row = 0;
  sizes.forEach((size, column) => {
    for (const end = row + size; row < end; row++) result[row * sizes.length + column] = 1;
  });
  return result;
}

export function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}
