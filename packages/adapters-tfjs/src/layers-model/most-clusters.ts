/**
 * What brings a layer's columns to their clusters takes bytes of the model.json, and where the order of the columns does not fold, stages
 * (see `column-stages.ts`) with multiplications and bytes of their own. The smaller product has to save more.
 */
import { type FcLayer, planFold, spanOf } from '@spherize/core';
import { isSmallBeside, mostBesideProduct } from '../artifacts/member-sums.js';
import { bytesPerValue } from '../artifacts/storage.js';
import type { Shape } from './classes/layer-class.js';
import { shapeOfStages } from './column-stages.js';
import type { DenseLayer } from './fc-layers.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** What a multiplication of a depthwise convolution costs against one of a product: measured on the wasm backend, see `bench/README.md`. */
const COST_OF_A_STAGE = 5;
/** What new layers take in a model.json: so many bytes, and so many times the name of the layer that they stand before. */
interface JsonOfLayers {
  readonly bytes: number;
  readonly names: number;
}
/** Bounds that a test holds against what is written. */
const STAGES: JsonOfLayers = { bytes: 3500, names: 20 };
const SUM: JsonOfLayers = { bytes: 2600, names: 32 };
const FACTORS: JsonOfLayers = { bytes: 600, names: 9 };
const PRODUCT: JsonOfLayers = { bytes: 700, names: 8 };
/** What a layer takes of which a functional model says the name and what it reads, beside two names. */
const BYTES_OF_LINKS = 60;
const BYTES_OF_A_FACTOR = 4;

/** By layer: `FcLayer.mostClusters`, where not any number is worth it. */
export function mostClusters(facts: LayersModelFacts): ReadonlyMap<string, number> {
  const links = bytesOfLinks(facts);
  return new Map(
    [...facts.layers, ...facts.convolutions].flatMap((dense) => {
      const { name, input, inputs } = dense.layer;
      const { orderInto, scaleInto, sumInto } = planFold(facts.features, input, inputs);
      if (sumInto !== null) return [];
      const price = (json: JsonOfLayers) => json.bytes + json.names * textLength(name) + links;
      const factors = scaleInto === null ? BYTES_OF_A_FACTOR * inputs + price(FACTORS) - links : 0;
      if (sumsByProduct(dense.layer, dense.leading, orderInto !== null)) {
        return [[name, mostBesideSum(facts, dense, price(PRODUCT), scaleInto === null)]];
      }
      const most =
        orderInto === null
          ? mostOfStaged(facts, dense, price(STAGES) + BYTES_OF_A_FACTOR * inputs)
          : mostOfFolded(facts, dense, price(SUM) + factors);
      return orderInto !== null && most === inputs - 1 ? [] : [[name, most]];
    }),
  );
}

/**
 * Whether the sum before a convolution is a product at every position: where its input has free axes, where its channels do not lie as
 * clusters do, and where the product is small beside the filters. Otherwise it is that of a fully connected layer at every position.
 *
 * @param folds whether the order of the columns does
 */
export function sumsByProduct(layer: FcLayer, leading: Shape, folds: boolean): boolean {
  if (layer.window === undefined) return false;
  const rows = layer.outputs * spanOf(layer);
  return leading.includes(undefined) || !folds || isSmallBeside(layer.inputs, rows, strideOf(layer));
}

/** Positions that a convolution reads for each one at which it multiplies: a transposed one does where it reads. */
function strideOf({ window }: FcLayer): number {
  return window?.back ? 1 : (window?.strides.reduce((product, stride) => product * stride, 1) ?? 1);
}

/** The product takes a number for every column and cluster, of four bytes where it holds factors. */
function mostBesideSum(
  { weights }: LayersModelFacts,
  { layer, kernel }: DenseLayer,
  price: number,
  factors: boolean,
): number {
  const { inputs, outputs } = layer;
  const rows = outputs * spanOf(layer);
  const saved = bytesPerValue([weights.get(kernel)!]) * rows;
  const added = inputs * (factors ? BYTES_OF_A_FACTOR : 1);
  const affordable = Math.ceil((saved * inputs - price) / (saved + added)) - 1;
  return Math.max(0, Math.min(affordable, mostBesideProduct(inputs, rows, strideOf(layer))));
}

/** What a Sequential model grows by where it becomes a functional one, whose layers say what they read. */
function bytesOfLinks({ graph }: LayersModelFacts): number {
  if (!graph.sequential) return 0;
  return graph.layers.reduce((sum, { name }) => sum + BYTES_OF_LINKS + 2 * textLength(name), 0);
}

/** Bytes of a text in JSON. */
function textLength(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}

/** Sums of neighbours take few multiplications, so that bytes decide. */
function mostOfFolded({ weights }: LayersModelFacts, { layer, kernel }: DenseLayer, price: number): number {
  const { inputs } = layer;
  const outputs = layer.outputs * spanOf(layer);
  const bytes = bytesPerValue([weights.get(kernel)!]);
  let clusters = inputs - 1;
  while (clusters > 0 && price + bytesOfSums(inputs, clusters) >= bytes * outputs * (inputs - clusters))
    clusters--;
  return clusters;
}

/**
 * Bytes of the matrices of ones and zeros that sum the members of k clusters of n columns, a byte for each. How many they are follows
 * from the sizes of the clusters, which are not known before: this is the most that clusterers and random sizes needed, 64 to 9216 columns.
 */
function bytesOfSums(inputs: number, clusters: number): number {
  return Math.min(2 / 3, 1 - clusters / inputs) * inputs ** 1.5;
}

function mostOfStaged({ weights }: LayersModelFacts, { layer, kernel }: DenseLayer, price: number): number {
  const { inputs, outputs } = layer;
  const bytes = bytesPerValue([weights.get(kernel)!]);
  let clusters = inputs - 1;
  for (; clusters > 0; clusters--) {
    const { groups, multiplications } = shapeOfStages(inputs, clusters);
    // A cluster with members in several groups has a column for each.
    const saved = outputs * (inputs - clusters - 2 * groups);
    if (COST_OF_A_STAGE * multiplications < saved && multiplications + price < bytes * saved) break;
  }
  return clusters;
}
