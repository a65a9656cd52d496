import { clusterColumns } from '../clustering/cluster-columns.js';
import type { Clusterer, ClusterOptions } from '../clustering/clusterer.js';
import { clustersOfLayer, nextMultiple } from '../compression/column-reduction.js';
import { type CompressedLayer, compressedLayer, separateColumns } from '../compression/compressed-layer.js';
import { padClusters } from '../compression/pad-clusters.js';
import type { PreparedLayer } from './prepare-layer.js';

/** How a layer is clustered. */
export interface ClusterLayerOptions extends ClusterOptions {
  /** Every layer keeps a multiple of this many clusters, rounded up, or all its columns. Default 1. */
  readonly roundTo?: number | undefined;
}

/**
 * Clusters a prepared layer at one ratio; one that is not worth it there keeps every column (see `FcLayer.mostClusters`).
 *
 * @throws InputError as `clustersForRatio` and `clusterColumns` do
 */
export async function clusterLayer(
  prepared: PreparedLayer,
  clusterer: Clusterer,
  ratio: number,
  options: ClusterLayerOptions = {},
): Promise<CompressedLayer> {
  const { inputs } = prepared.layer;
  const { roundTo = 1 } = options;
  const k = clustersOfLayer(prepared.layer, ratio, roundTo);
  if (k === inputs && prepared.layer.mostClusters !== undefined) return separateColumns(prepared.weights);
  const clustering = await clusterColumns(clusterer, prepared.columns, k, options);
  const layer = compressedLayer(prepared.weights, prepared.columns, clustering);
  return padClusters(prepared.weights, layer, nextMultiple(layer.centroids.cols, roundTo, inputs));
}
