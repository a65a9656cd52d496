/** Checks of convolutions whose columns are clustered. */
import {
  type CompressedLayer,
  denseMatrix,
  type FcLayer,
  type Model,
  offering,
  planRewrite,
  Random,
  reconstruct,
  selectLayers,
  spanOf,
} from '@spherize/core';
import { expect } from 'vitest';
import { expectClose, outputsOf } from './compressing.js';

export function offered(model: Model, names: readonly string[]): Model {
  return offering(model, selectLayers(model, names));
}

/** Any clusters of a convolution's channels, some of them dropped. */
function randomClusters({ inputs, outputs, ...layer }: FcLayer, seed: number): CompressedLayer {
  const random = new Random(seed);
  const rows = outputs * spanOf(layer);
  const clusters = Array.from({ length: inputs }, () => random.integer(Math.ceil(inputs / 2) + 1) - 1);
  if (clusters.every((c) => c < 0)) clusters[0] = 0;
  const used = [...new Set(clusters.filter((c) => c >= 0))];
  const centroids = denseMatrix(rows, used.length);
  centroids.data.forEach((_, i) => {
    centroids.data[i] = random.normal();
  });
  return {
    assignment: Int32Array.from(clusters, (c) => used.indexOf(c)),
    scales: Float32Array.from({ length: inputs }, () => 0.5 + random.uniform()),
    centroids,
  };
}

/** The model with all of its channels, and weights that are those of the clusters: no sum, nothing folded. */
function withWholeColumns(model: Model, compressed: ReadonlyMap<string, CompressedLayer>): Model {
  const layers = [...compressed].map(([layer, own]) => ({
    layer,
    weights: reconstruct(own),
    bias: model.bias(layer) ?? null,
    input: null,
  }));
  return model.rewrite({ layers, features: [] });
}

/** Random clusters of some convolutions: folded, explicit and whole filters agree. */
export async function expectAgreement(plain: Model, names: readonly string[], seed: number): Promise<void> {
  expect(plain.layers).toEqual([]);
  const model = offered(plain, names);
  expect(model.layers.map(({ name }) => name)).toEqual(names);
  const compressed = new Map(
    model.layers.map((layer, i) => [layer.name, randomClusters(layer, seed + 10 * i)]),
  );
  const folded = model.rewrite(planRewrite(model, compressed).rewrite);
  const explicit = model.rewrite(planRewrite(model, compressed, { folding: 'explicit' }).rewrite);
  expect(folded.layers.map(({ inputs }) => inputs)).toEqual(
    [...compressed.values()].map(({ centroids }) => centroids.cols),
  );
  const wanted = await outputsOf(withWholeColumns(model, compressed));
  expectClose(await outputsOf(explicit), wanted);
  expectClose(await outputsOf(folded), wanted);
}
