import { membersByCluster } from '../clustering/partition.js';
import type { ClusterGroup } from '../format/model-rewrite.js';
import type { CompressedLayer } from './compressed-layer.js';

/**
 * An order of a layer's columns that needs no index array: members of a cluster are neighbours, and clusters of one size are
 * neighbours, small clusters first, unless the format wants them otherwise.
 */
export interface ClusterLayout {
  /** Columns of W in their new order, n' positions; dropped columns are missing. */
  readonly order: Int32Array;
  /** Columns of C in their new order, k numbers. */
  readonly clusters: Int32Array;
  readonly groups: readonly ClusterGroup[];
}

/**
 * Lays out the columns of a layer; within a group clusters keep their order, within a cluster members do.
 *
 * @param arrange the format's own order of the clusters, as `Model.layout`
 */
export function layOutClusters(
  layer: CompressedLayer,
  arrange?: (groups: readonly ClusterGroup[]) => Int32Array,
): ClusterLayout {
  const k = layer.centroids.cols;
  const members = membersByCluster(layer.assignment, k);
  const sizeOf = (c: number): number => members.starts[c + 1]! - members.starts[c]!;
  const rising = Int32Array.from({ length: k }, (_, c) => c).sort((a, b) => sizeOf(a) - sizeOf(b) || a - b);
  const clusters = arrange?.(groupsOf(rising, sizeOf)).map((place) => rising[place]!) ?? rising;
  const order = new Int32Array(members.points.length);
  let filled = 0;
  for (const c of clusters) {
    order.set(members.points.subarray(members.starts[c]!, members.starts[c + 1]!), filled);
    filled += sizeOf(c);
  }
  return { order, clusters, groups: groupsOf(clusters, sizeOf) };
}

function groupsOf(clusters: Int32Array, sizeOf: (cluster: number) => number): ClusterGroup[] {
  const groups: { size: number; count: number }[] = [];
  for (const c of clusters) {
    const last = groups.at(-1);
    if (last?.size === sizeOf(c)) last.count++;
    else groups.push({ size: sizeOf(c), count: 1 });
  }
  return groups;
}
