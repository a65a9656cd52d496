/** How far the columns of a width's readers are clustered, so that as much time is saved as the narrower width would. */
import { clustersOfLayer } from '../compression/column-reduction.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import { rewriteWithinStorage } from '../compression/rewrite-within-storage.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { offering } from '../format/select-layers.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import { type ColumnsFor, clusteredAt, widthNamed } from '../pipeline/better-on-columns.js';
import { columnReaders } from '../widths/column-readers.js';
import type { AmountOf } from './allocate-widths.js';
import { narrowedShape } from './narrowed-shape.js';

/** Ratios at which the time is told: between and beyond them it grows with the clusters. */
const TOLD = [0.5, 0.75] as const;
/** Beyond this ratio nothing is left that computes. */
const MOST = 0.98;

/** @param roundTo widths keep a multiple of so many features */
export function columnsAtEqualTime(model: Model, timeOf: AmountOf, roundTo: number): ColumnsFor {
  return async (name, ratio) => {
    const readers = columnReaders(model, widthNamed(model, name));
    if (readers.length === 0) return [];
    const goal = await timeOf(narrowedShape(model, new Map([[name, ratio]]), roundTo));
    const [first, second] = [
      await timeOf(clusteredShape(model, readers, TOLD[0])),
      await timeOf(clusteredShape(model, readers, TOLD[1])),
    ];
    const own = TOLD[0] + ((first - goal) / (first - second)) * (TOLD[1] - TOLD[0]);
    return first > second && own > 0 && own < MOST ? clusteredAt(readers, own) : [];
  };
}

/** A model of the shape that clustering columns leaves: which of them are alike does not matter to what it costs. */
function clusteredShape(source: Model, layers: readonly FcLayer[], ratio: number): Model {
  const model = offering(source, layers);
  const compressed = new Map(
    layers.map((layer) => [layer.name, neighboursAlike(model, layer, clustersOfLayer(layer, ratio))]),
  );
  return rewriteWithinStorage(model, compressed, {}).model;
}

/** Clusters of neighbouring columns, each of which the first one stands for. */
function neighboursAlike(model: Model, { name, inputs }: FcLayer, clusters: number): CompressedLayer {
  const { rows, data } = model.weights(name);
  const assignment = Int32Array.from({ length: inputs }, (_, j) => Math.floor((j * clusters) / inputs));
  const firsts = Array.from({ length: clusters }, (_, c) => assignment.indexOf(c));
  const centroids = denseMatrix(rows, clusters);
  for (let i = 0; i < rows; i++)
    for (const [c, j] of firsts.entries()) centroids.data[i * clusters + c] = data[i * inputs + j]!;
  return { assignment, scales: new Float32Array(inputs).fill(1), centroids };
}
