/**
 * An exact compression: when the columns of W are `s_j · c_{a(j)}`, the compressed model computes what the original
 * did. Tests make such weights, rewrite the model with them, and compare.
 */
import {
  type ClusterGroup,
  type DenseMatrix,
  denseMatrix,
  type FeatureRewrite,
  type FoldPlan,
  type InputForm,
  type LayerRewrite,
  type Model,
  planFold,
} from '@spherize/core';
import { randomValues } from './build-model.js';

export interface Clustering {
  /** Cluster of every column, -1 for a column of zeros. */
  readonly assignment: readonly number[];
  /** Positive factor of every column. */
  readonly scales: readonly number[];
  /** C, shape `[outputs, clusters]`. */
  readonly centroids: DenseMatrix;
}

export function clustering(outputs: number, assignment: readonly number[], seed: number): Clustering {
  const clusters = Math.max(-1, ...assignment) + 1;
  const scales = Array.from(randomValues(assignment.length, seed), (value) => 0.5 + Math.abs(value));
  return {
    assignment,
    scales,
    centroids: denseMatrix(outputs, clusters, randomValues(outputs * clusters, seed + 1)),
  };
}

/** The W that the clustering describes exactly, shape `[outputs, columns]`. */
export function clusteredWeights({ assignment, scales, centroids }: Clustering): DenseMatrix {
  const columns = assignment.length;
  const weights = denseMatrix(centroids.rows, columns);
  for (let i = 0; i < centroids.rows; i++) {
    assignment.forEach((cluster, j) => {
      if (cluster >= 0)
        weights.data[i * columns + j] = scales[j]! * centroids.data[i * centroids.cols + cluster]!;
    });
  }
  return weights;
}

/** Members of clusters as neighbours, clusters of one size as neighbours. */
function neighbours({ assignment, centroids }: Clustering): {
  order: number[];
  clusterOrder: number[];
  groups: ClusterGroup[];
} {
  const members = Array.from({ length: centroids.cols }, (_, cluster) =>
    assignment.flatMap((own, j) => (own === cluster ? [j] : [])),
  );
  const sizes = [...new Set(members.map(({ length }) => length))]
    .filter((size) => size > 0)
    .sort((a, b) => a - b);
  const groups = sizes.map((size) => ({
    size,
    count: members.filter(({ length }) => length === size).length,
  }));
  const clusterOrder = sizes.flatMap((size) => members.flatMap((own, c) => (own.length === size ? [c] : [])));
  return { order: clusterOrder.flatMap((cluster) => members[cluster]!), clusterOrder, groups };
}

/** Rewrites one layer and whatever its factors, order and sums fold into. */
export function compressExactly(
  model: Model,
  layerName: string,
  clusters: Clustering,
  { fold = true }: { fold?: boolean } = {},
): { model: Model; plan: FoldPlan } {
  const layer = model.layers.find(({ name }) => name === layerName)!;
  const none: FoldPlan = {
    scaleInto: null,
    orderInto: null,
    sumInto: null,
    targetIsLayer: false,
    path: [],
    steps: [],
    reason: 'not asked for',
  };
  const plan = fold ? planFold(model.graph, layer.input, layer.inputs) : none;
  const { order, clusterOrder, groups } = neighbours(clusters);
  const { centroids } = clusters;
  const weights = denseMatrix(centroids.rows, clusterOrder.length);
  for (let i = 0; i < weights.rows; i++) {
    clusterOrder.forEach((cluster, k) => {
      weights.data[i * weights.cols + k] = centroids.data[i * centroids.cols + cluster]!;
    });
  }
  const factors = Float32Array.from(order, (j) => clusters.scales[j]!);
  const input: InputForm = {
    gather: plan.orderInto === null ? Int32Array.from(order) : null,
    multiply: plan.scaleInto === null ? factors : null,
    groups,
  };
  const summed = plan.sumInto !== null;
  const layers: LayerRewrite[] = [
    { layer: layerName, weights, bias: model.bias(layerName) ?? null, input: summed ? null : input },
  ];
  const sums = summed ? { sums: groups } : {};
  const features: FeatureRewrite[] = [];
  let before = factors;
  // Without an order the features stay in place, and each takes its own factor.
  const inPlace = Float32Array.from(clusters.scales);
  for (const { operation, scale, factors: own } of plan.steps) {
    features.push(
      plan.orderInto === null
        ? { operation, order: null, scales: scale ? inPlace : null }
        : { operation, order: Int32Array.from(order), scales: scale ? before : null, ...sums },
    );
    if (own) before = before.map((factor, i) => factor * own[order[i]!]!);
  }
  if (plan.orderInto !== null) {
    const scaled = plan.scaleInto === plan.orderInto;
    if (plan.targetIsLayer)
      layers.push(
        foldedRows(model, plan.orderInto, order, scaled ? before : undefined, summed ? groups : undefined),
      );
    else {
      features.push({
        operation: plan.orderInto,
        order: Int32Array.from(order),
        scales: scaled ? before : null,
        ...sums,
      });
    }
  }
  return { model: model.rewrite({ layers, features }), plan };
}

/** Row by row: the members of a cluster are added up where sums fold. */
function foldedRows(
  model: Model,
  target: string,
  order: readonly number[],
  factors: Float32Array | undefined,
  groups: readonly ClusterGroup[] = [{ size: 1, count: order.length }],
): LayerRewrite {
  const before = model.weights(target);
  const bias = model.bias(target);
  const sizes = groups.flatMap(({ size, count }) => new Array<number>(count).fill(size));
  const weights = denseMatrix(sizes.length, before.cols);
  const moved = bias && new Float32Array(sizes.length);
  let position = 0;
  sizes.forEach((size, i) => {
    for (const end = position + size; position < end; position++) {
      const row = order[position]!;
      const factor = factors?.[position] ?? 1;
      for (let j = 0; j < before.cols; j++) {
        const at = i * before.cols + j;
        weights.data[at] = weights.data[at]! + before.data[row * before.cols + j]! * factor;
      }
      if (moved) moved[i] = moved[i]! + bias[row]! * factor;
    }
  });
  return { layer: target, weights, bias: moved ?? null, input: null };
}
