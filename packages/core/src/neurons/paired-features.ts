/** Features that no layer reads, and the weights that make features. */
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { Width } from '../widths/find-widths.js';
import { choosePairs } from './choose-features.js';
import type { NarrowedNetwork } from './narrowed-network.js';
import { featuresOf, placesOfBlocks } from './width-places.js';

/**
 * Queries and keys, which leave in pairs: those stay whose products are largest. One that is a multiple of another stays only where there is
 * room; the other's rows then count for both.
 *
 * @param ordered numbers of the width's blocks of which the first features count most
 * @returns the places that stay
 */
export function keepPairs(
  network: NarrowedNetwork,
  width: Width,
  blocks: readonly Int32Array[],
  keep: number,
  ordered: ReadonlySet<number> = new Set(),
): Int32Array {
  const all = placesOfBlocks(width);
  const isOrdered = (block: Int32Array): boolean =>
    ordered.has(all.findIndex((other) => other[0] === block[0]));
  const { kept, merges } = choosePairs(
    weightsThatMake(network, width),
    productsOfNorms(network, width),
    blocks.filter((block) => !isOrdered(block)),
    keep,
  );
  const features = featuresOf(width);
  const factors = new Map<number, number>();
  for (const { substitute, factor } of merges)
    factors.set(substitute, (factors.get(substitute) ?? 1) + factor ** 2);
  for (const [place, factor] of factors) scaleFirstRow(network, width, features[place]!, factor);
  const first = blocks.filter(isOrdered).flatMap((block) => [...block.subarray(0, keep)]);
  return Int32Array.from([...kept, ...first]);
}

/** Multiplies the first of the rows that make a feature. */
function scaleFirstRow(network: NarrowedNetwork, width: Width, feature: number, factor: number): void {
  const { sets, features } = network.widths;
  for (const producer of width.producers) {
    const output = features.rows.get(producer)!.findIndex((label) => sets.find(label) === feature);
    if (output < 0) continue;
    const { span } = network.layer(producer);
    const { weights, bias } = network.weights(producer);
    const scaled = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    const [start, end] = [output * span * weights.cols, (output + 1) * span * weights.cols];
    for (let at = start; at < end; at++) scaled.data[at] = scaled.data[at]! * factor;
    network.refit(producer, {
      weights: scaled,
      bias: bias?.map((value, o) => (o === output ? value * factor : value)) ?? null,
    });
    return;
  }
}

/** For each feature, the product of the norms of all weights that make it: what its share of a product of queries and keys grows with. */
function productsOfNorms(network: NarrowedNetwork, width: Width): Float64Array {
  const places = new Map(featuresOf(width).map((feature, place) => [feature, place]));
  const products = new Float64Array(places.size).fill(1);
  for (const { place, values } of rowsThatMake(network, width, places)) {
    let square = 0;
    for (const value of values) square += value * value;
    products[place] = products[place]! * Math.sqrt(square);
  }
  return products;
}

/** The weights and the bias of every row that makes a feature, by the feature's place. */
function* rowsThatMake(
  network: NarrowedNetwork,
  width: Width,
  places: ReadonlyMap<number, number>,
): Generator<{ readonly producer: string; readonly place: number; readonly values: Float32Array }> {
  const { rows: made } = network.widths.features;
  for (const producer of width.producers) {
    const { span } = network.layer(producer);
    const { weights, bias } = network.weights(producer);
    for (const [output, label] of made.get(producer)!.entries()) {
      const place = places.get(network.widths.sets.find(label));
      if (place === undefined) continue;
      const values = new Float32Array(weights.cols * span + 1);
      values.set(weights.data.subarray(output * span * weights.cols, (output + 1) * span * weights.cols));
      values[values.length - 1] = bias?.[output] ?? 0;
      yield { producer, place, values };
    }
  }
}

/** Column j holds the weights and biases of all rows that make feature j. */
export function weightsThatMake(network: NarrowedNetwork, width: Width): DenseMatrix {
  const places = new Map(featuresOf(width).map((feature, place) => [feature, place]));
  const rows: Float32Array[] = [];
  const starts = new Map<string, number>();
  const seen = new Map<string, number>();
  for (const { producer, place, values } of rowsThatMake(network, width, places)) {
    const nth = seen.get(`${producer} ${place}`) ?? 0;
    seen.set(`${producer} ${place}`, nth + 1);
    const group = `${producer} ${nth}`;
    if (!starts.has(group)) {
      starts.set(group, rows.length);
      for (const _ of values) rows.push(new Float32Array(places.size));
    }
    const start = starts.get(group)!;
    for (const [i, value] of values.entries()) rows[start + i]![place] = value;
  }
  const matrix = denseMatrix(rows.length, places.size);
  for (const [i, row] of rows.entries()) matrix.data.set(row, i * places.size);
  return matrix;
}
