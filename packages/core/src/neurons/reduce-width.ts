/** One width becomes narrower: which features stay, and what the layers that read them become. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { refitLayer } from '../calibration/refit-layer.js';
import type { Clusterer } from '../clustering/clusterer.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import type { FeatureGraph } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { Width } from '../widths/find-widths.js';
import {
  chooseByClusters,
  chooseByElimination,
  chooseByScore,
  choosePairs,
  columnSquares,
} from './choose-features.js';
import { featureRows, type ReadTensor } from './feature-rows.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** Features up to which elimination is worth its time: its cost grows with the cube. */
const MOST_ELIMINATED = 1024;
/** Rows per feature, and the fewest of all. */
const ROWS_PER_FEATURE = 16;
const FEWEST_ROWS = 4096;
/**
 * Ridge of the elimination, as a multiple of the mean diagonal. What inputs that are made up say of how features go together is half
 * believed: on a vision transformer (CIFAR-10) at half of its hidden neurons, chosen on 1,000 of them, 0.3 kept 77.3 % of 77.7.
 */
const GIVEN = 0.01;
const MADE_UP = 0.3;
/** Numbers in the rows of one tensor. */
const MOST_VALUES = 2 ** 26;

export interface ReduceWidthOptions {
  readonly engine: MatrixEngine;
  readonly clusterer: Clusterer;
  /** Inputs on which readers are refitted; without them features are clustered by the weights that make them. */
  readonly inputs: CalibrationInputs | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** @param keep features that stay in each block */
export async function reduceWidth(
  original: Model,
  network: NarrowedNetwork,
  width: Width,
  keep: number,
  options: ReduceWidthOptions,
): Promise<void> {
  if (width.consumers.length === 0) {
    network.remove(leavingFeatures(width, keepPairs(network, width, placesOfBlocks(width), keep)));
    return;
  }
  if (options.inputs === undefined) {
    await mergeFeatures(network, width, keep, options);
    return;
  }
  await new WidthRefit(original, network, width, options.inputs, options).run(keep);
}

/** Without data: what leaves is given to the feature of its cluster. */
async function mergeFeatures(
  network: NarrowedNetwork,
  width: Width,
  keep: number,
  { clusterer, engine, seed, signal }: ReduceWidthOptions,
): Promise<void> {
  const features = featuresOf(width);
  const read = readFeatures(network, width);
  const blocks = placesOfBlocks(width);
  const isRead = (block: Int32Array): boolean => block.every((place) => read.has(features[place]!));
  const made = weightsThatMake(network, width);
  const clusters = await chooseByClusters(made, blocks.filter(isRead), keep, clusterer, engine, {
    seed,
    signal,
  });
  const others = blocks.filter((block) => !isRead(block));
  const kept = [...clusters.kept, ...keepPairs(network, width, others, keep)];
  const { merges } = clusters;
  for (const reader of width.consumers) {
    const { weights, bias } = network.weights(reader);
    const { groups } = network.layer(reader);
    // Columns of a grouped convolution are read by its own group alone: nobody takes over what leaves.
    if (groups > 1) continue;
    const merged = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    const columns = occurrences(network.columns(reader));
    for (const { feature, substitute, factor } of merges) {
      const [from, to] = [columns.get(features[feature]!), columns.get(features[substitute]!)];
      for (const [nth, column] of (from ?? []).entries()) {
        for (let row = 0; row < weights.rows; row++) {
          const at = row * weights.cols;
          merged.data[at + to![nth]!] = merged.data[at + to![nth]!]! + factor * weights.data[at + column]!;
        }
      }
    }
    network.refit(reader, { weights: merged, bias });
  }
  network.remove(leavingFeatures(width, kept));
}

/** The features of all blocks in a row. */
function featuresOf({ blocks }: Width): number[] {
  return blocks.flatMap((block) => [...block]);
}

/** @param kept places of features that stay, where those of all blocks stand in a row */
function leavingFeatures(width: Width, kept: Iterable<number>): number[] {
  const stay = new Set(kept);
  return featuresOf(width).filter((_, place) => !stay.has(place));
}

/** Features that some layer reads. Others are only multiplied with each other, as queries and keys are. */
function readFeatures(network: NarrowedNetwork, { consumers }: Width): ReadonlySet<number> {
  return new Set(consumers.flatMap((name) => [...network.columns(name)]));
}

/**
 * Queries and keys, which leave in pairs: those stay whose products are largest. One that is a multiple of another stays only where there is
 * room; the other's rows then count for both.
 *
 * @returns the places that stay
 */
function keepPairs(
  network: NarrowedNetwork,
  width: Width,
  blocks: readonly Int32Array[],
  keep: number,
): Int32Array {
  const { kept, merges } = choosePairs(
    weightsThatMake(network, width),
    productsOfNorms(network, width),
    blocks,
    keep,
  );
  const features = featuresOf(width);
  const factors = new Map<number, number>();
  for (const { substitute, factor } of merges)
    factors.set(substitute, (factors.get(substitute) ?? 1) + factor ** 2);
  for (const [place, factor] of factors) scaleFirstRow(network, width, features[place]!, factor);
  return kept;
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
function weightsThatMake(network: NarrowedNetwork, width: Width): DenseMatrix {
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

/** Places of the features of each block, where those of all blocks stand in a row. */
function placesOfBlocks({ blocks }: Width): Int32Array[] {
  let start = 0;
  return blocks.map(({ length }) => Int32Array.from({ length }, () => start++));
}

/** Columns by feature, in order. */
function occurrences(columns: Int32Array): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [column, feature] of columns.entries()) {
    const list = found.get(feature);
    if (list === undefined) found.set(feature, [column]);
    else list.push(column);
  }
  return found;
}

/** What one layer reads of the width. */
interface Reader {
  readonly name: string;
  /** Whether each feature is one column of a product, which is then refitted as a whole. */
  readonly whole: boolean;
  /** Rows of the original's columns and of those of the narrower network. */
  readonly original: DenseMatrix;
  readonly present: DenseMatrix;
  /** For each of the present columns, its place among the original's. */
  readonly places: Int32Array;
}

/** With inputs: features are chosen by what their loss costs, and the layers that read them are refitted to the original's outputs. */
class WidthRefit {
  readonly #original: Model;
  readonly #network: NarrowedNetwork;
  readonly #width: Width;
  readonly #inputs: CalibrationInputs;
  readonly #options: ReduceWidthOptions;
  readonly #features: readonly number[];
  readonly #places: ReadonlyMap<number, number>;

  constructor(
    original: Model,
    network: NarrowedNetwork,
    width: Width,
    inputs: CalibrationInputs,
    options: ReduceWidthOptions,
  ) {
    this.#original = original;
    this.#network = network;
    this.#width = width;
    this.#inputs = inputs;
    this.#options = options;
    this.#features = featuresOf(width);
    this.#places = new Map(this.#features.map((feature, place) => [feature, place]));
  }

  async run(keep: number): Promise<void> {
    const readers = await this.#read();
    const kept = await this.#choose(readers, keep);
    const leaving = new Set(leavingFeatures(this.#width, kept));
    const stay = new Set(this.#features.filter((feature) => !leaving.has(feature)));
    for (const reader of readers) {
      if (this.#network.layer(reader.name).groups > 1) continue;
      if (reader.whole) await this.#refitProduct(reader, leaving);
      else await this.#refitFeatures(reader, stay, leaving);
    }
    this.#network.remove(leaving);
  }

  async #read(): Promise<Reader[]> {
    const { engine: _, seed, signal } = this.#options;
    const graph = this.#original.graph;
    const names = this.#width.consumers;
    const reads = names.map((name) => readBy(graph, name));
    const widest = Math.max(...names.map((name) => this.#network.layer(name).inputs));
    const most = Math.min(
      Math.max(FEWEST_ROWS, ROWS_PER_FEATURE * this.#features.length),
      Math.ceil(MOST_VALUES / widest),
    );
    const [original, present] = (await featureRows(
      [this.#original, this.#network.model()],
      reads,
      this.#inputs,
      most,
      { seed, signal },
    )) as [DenseMatrix[], DenseMatrix[]];
    return names.map((name, r) => {
      const columns = this.#network.columns(name);
      const layer = this.#network.layer(name);
      const whole =
        layer.kind === 'product' && [...occurrences(columns).values()].every((own) => own.length === 1);
      return {
        name,
        whole,
        original: original[r]!,
        present: present[r]!,
        places: this.#network.placesLeft(name),
      };
    });
  }

  async #choose(readers: readonly Reader[], keep: number): Promise<Int32Array> {
    const n = this.#features.length;
    const blocks = placesOfBlocks(this.#width);
    const scores = new Float64Array(n);
    let moments: Float64Array | undefined;
    const strength = this.#inputs.name === 'generated' ? MADE_UP : GIVEN;
    const eliminates = n <= MOST_ELIMINATED;
    const contributions = new Float64Array(eliminates ? n * n : 0);
    for (const reader of readers) {
      const rows = this.#rowsOfFeatures(reader, reader.present);
      const centred = aboutMeans(rows);
      const columns = this.#columnsOfFeatures(reader.name);
      const squares = columnSquares(columns);
      const variances = columnSquares(centred);
      for (let j = 0; j < n; j++) scores[j] = scores[j]! + squares[j]! * (variances[j]! / centred.rows);
      if (!eliminates) continue;
      const own = await this.#options.engine.multiply(transpose(centred), centred);
      const read = await this.#options.engine.multiply(transpose(columns), columns);
      moments ??= new Float64Array(n * n);
      for (let at = 0; at < n * n; at++) {
        moments[at] = moments[at]! + own.data[at]! / centred.rows;
        contributions[at] = contributions[at]! + read.data[at]!;
      }
    }
    this.#scoreUnread(scores, moments, contributions);
    const chosen =
      moments &&
      (await chooseByElimination(moments, contributions, n, blocks, keep, strength, this.#options.signal));
    return chosen ?? chooseByScore(scores, blocks, keep);
  }

  /** Features that no layer reads are judged by their weights, each for itself. */
  #scoreUnread(scores: Float64Array, moments: Float64Array | undefined, contributions: Float64Array): void {
    const n = this.#features.length;
    const read = readFeatures(this.#network, this.#width);
    if (this.#features.every((feature) => read.has(feature))) return;
    const products = productsOfNorms(this.#network, this.#width);
    for (const [j, feature] of this.#features.entries()) {
      if (read.has(feature)) continue;
      scores[j] = products[j]!;
      if (moments === undefined) continue;
      contributions[j * n + j] = products[j]!;
      moments[j * n + j] = 1;
    }
  }

  /** Rows of the width's features alone; each place at which a feature has a column of its own is a row. */
  #rowsOfFeatures(reader: Reader, rows: DenseMatrix): DenseMatrix {
    const columns = this.#network.columns(reader.name);
    const places = rows === reader.present ? reader.places : Int32Array.from(columns.keys());
    const seen = new Map<number, number>();
    const targets = Array.from(places, (place) => {
      const feature = columns[place]!;
      const nth = seen.get(feature) ?? 0;
      seen.set(feature, nth + 1);
      return { feature: this.#places.get(feature), nth };
    });
    const times = Math.max(
      1,
      ...targets.flatMap(({ feature, nth }) => (feature === undefined ? [] : nth + 1)),
    );
    const n = this.#features.length;
    const result = denseMatrix(rows.rows * times, n);
    for (let i = 0; i < rows.rows; i++) {
      for (const [c, { feature, nth }] of targets.entries()) {
        if (feature !== undefined)
          result.data[(i * times + nth) * n + feature] = rows.data[i * rows.cols + c]!;
      }
    }
    return result;
  }

  /** Column j holds all weights with which a layer reads feature j. */
  #columnsOfFeatures(name: string): DenseMatrix {
    const { weights } = this.#network.originalWeights(name);
    const columns = occurrences(this.#network.columns(name));
    const times = Math.max(1, ...this.#features.map((feature) => columns.get(feature)?.length ?? 0));
    const n = this.#features.length;
    const result = denseMatrix(weights.rows * times, n);
    for (const [j, feature] of this.#features.entries()) {
      for (const [nth, column] of (columns.get(feature) ?? []).entries()) {
        for (let row = 0; row < weights.rows; row++)
          result.data[(row * times + nth) * n + j] =
            weights.data[row * weights.cols + (column % weights.cols)]!;
      }
    }
    return result;
  }

  /** `min Σ‖y − C z − b‖²` over the columns that stay, with y what the original gives. */
  async #refitProduct(reader: Reader, leaving: ReadonlySet<number>): Promise<void> {
    const { name, original, present, places } = reader;
    const { engine, signal } = this.#options;
    const columns = this.#network.columns(name);
    const { weights: wanted, bias: added } = this.#network.originalWeights(name);
    const { weights, bias } = this.#network.weights(name);
    const stays = [...places.keys()].filter((c) => !leaving.has(columns[places[c]!]!));
    const targets = await engine.multiply(original, transpose(wanted));
    if (added !== null)
      for (let at = 0; at < targets.data.length; at++)
        targets.data[at] = targets.data[at]! + added[at % added.length]!;
    const centroids = denseMatrix(weights.rows, stays.length);
    const assignment = new Int32Array(places.length).fill(-1);
    for (const [k, c] of stays.entries()) {
      assignment[c] = k;
      for (let row = 0; row < weights.rows; row++)
        centroids.data[row * stays.length + k] = weights.data[row * weights.cols + places[c]!]!;
    }
    const layer: CompressedLayer = {
      assignment,
      scales: new Float32Array(places.length).fill(1),
      centroids,
      ...(bias && { bias }),
    };
    signal?.throwIfAborted();
    const { layer: refitted } = await refitLayer(
      name,
      layer,
      bias ?? undefined,
      inBatches({ inputs: present, targets }),
      engine,
    );
    const full = denseMatrix(weights.rows, weights.cols);
    for (const [k, c] of stays.entries())
      for (let row = 0; row < weights.rows; row++)
        full.data[row * weights.cols + places[c]!] = refitted.centroids.data[row * stays.length + k]!;
    this.#network.refit(name, { weights: full, bias: refitted.bias ?? bias });
  }

  /** `x_j ≈ Σ_i a_ij x_i` over the features that stay, at every place where features lie: `W' = W A` for each place of a filter. */
  async #refitFeatures(
    reader: Reader,
    stay: ReadonlySet<number>,
    leaving: ReadonlySet<number>,
  ): Promise<void> {
    const { name } = reader;
    const { engine, signal } = this.#options;
    const n = this.#features.length;
    const stays = this.#features.flatMap((feature, j) => (stay.has(feature) ? [j] : []));
    const centroids = denseMatrix(n, stays.length);
    const assignment = new Int32Array(n).fill(-1);
    for (const [k, j] of stays.entries()) {
      assignment[j] = k;
      centroids.data[j * stays.length + k] = 1;
    }
    const rows = {
      inputs: this.#rowsOfFeatures(reader, reader.present),
      targets: this.#rowsOfFeatures(reader, reader.original),
    };
    signal?.throwIfAborted();
    const { layer } = await refitLayer(
      name,
      { assignment, scales: new Float32Array(n).fill(1), centroids },
      undefined,
      inBatches(rows),
      engine,
    );
    const { weights: wanted } = this.#network.originalWeights(name);
    const { weights, bias } = this.#network.weights(name);
    const columns = occurrences(this.#network.columns(name));
    const times = Math.max(1, ...this.#features.map((feature) => columns.get(feature)?.length ?? 0));
    const full = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    for (let nth = 0; nth < times; nth++) {
      const read = denseMatrix(weights.rows, n);
      for (const [j, feature] of this.#features.entries()) {
        const column = columns.get(feature)?.[nth];
        if (column === undefined) continue;
        for (let row = 0; row < weights.rows; row++) {
          read.data[row * n + j] = wanted.data[row * weights.cols + column]!;
          if (leaving.has(feature)) full.data[row * weights.cols + column] = 0;
        }
      }
      const product = await engine.multiply(read, layer.centroids);
      for (const [k, j] of stays.entries()) {
        const column = columns.get(this.#features[j]!)?.[nth];
        if (column === undefined) continue;
        for (let row = 0; row < weights.rows; row++)
          full.data[row * weights.cols + column] = product.data[row * stays.length + k]!;
      }
    }
    this.#network.refit(name, { weights: full, bias });
  }
}

/** The tensor and the axis that a layer reads. */
function readBy(graph: FeatureGraph, layer: string): ReadTensor {
  for (const { flow, inputs } of graph.operations)
    if (flow.type === 'layer' && flow.layer === layer) return { tensor: inputs[0]!, axis: flow.reads };
  throw new RangeError(`no operation is layer ${layer}`);
}

async function* inBatches<T extends { inputs: DenseMatrix; targets: DenseMatrix }>(
  rows: T,
): AsyncIterable<T> {
  yield rows;
}

function aboutMeans({ rows, cols, data }: DenseMatrix): DenseMatrix {
  const means = new Float64Array(cols);
  for (let at = 0; at < data.length; at++) means[at % cols] = means[at % cols]! + data[at]! / rows;
  return denseMatrix(
    rows,
    cols,
    data.map((value, at) => value - means[at % cols]!),
  );
}
