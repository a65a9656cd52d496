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
import { chooseByClusters, chooseByElimination, chooseByScore } from './choose-features.js';
import { featureRows, type ReadTensor } from './feature-rows.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** Features up to which elimination is worth its time: its cost grows with the cube. */
const MOST_ELIMINATED = 1024;
/** Rows per feature, and the fewest of all. */
const ROWS_PER_FEATURE = 16;
const FEWEST_ROWS = 4096;
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
  const features = width.blocks.flatMap((block) => [...block]);
  const places = new Map(features.map((feature, place) => [feature, place]));
  const blocks = placesOfBlocks(width);
  const made = weightsThatMake(network, width, places);
  const { kept, merges } = await chooseByClusters(made, blocks, keep, clusterer, engine, { seed, signal });
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
  const stay = new Set(kept);
  network.remove(features.filter((_, place) => !stay.has(place)));
}

/** Column j holds the weights and biases that make feature j, of all layers that do. */
function weightsThatMake(
  network: NarrowedNetwork,
  width: Width,
  places: ReadonlyMap<number, number>,
): DenseMatrix {
  const rows: Float32Array[] = [];
  const { rows: made } = network.widths.features;
  for (const producer of width.producers) {
    const { span } = network.layer(producer);
    const { weights, bias } = network.weights(producer);
    const labels = made.get(producer)!;
    const own = Array.from({ length: weights.cols * span + 1 }, () => new Float32Array(places.size));
    for (const [output, label] of labels.entries()) {
      const place = places.get(network.widths.sets.find(label));
      if (place === undefined) continue;
      const values = weights.data.subarray(output * span * weights.cols, (output + 1) * span * weights.cols);
      for (const [i, value] of values.entries()) own[i]![place] = value;
      own.at(-1)![place] = bias?.[output] ?? 0;
    }
    rows.push(...own);
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
    this.#features = width.blocks.flatMap((block) => [...block]);
    this.#places = new Map(this.#features.map((feature, place) => [feature, place]));
  }

  async run(keep: number): Promise<void> {
    const readers = await this.#read();
    const kept = await this.#choose(readers, keep);
    const stay = new Set([...kept].map((place) => this.#features[place]!));
    const leaving = new Set(this.#features.filter((feature) => !stay.has(feature)));
    for (const reader of readers) {
      if (this.#network.layer(reader.name).groups > 1) continue;
      if (reader.whole) await this.#refitProduct(reader, leaving);
      else await this.#refitFeatures(reader, stay, leaving);
    }
    this.#network.remove(leaving);
  }

  async #read(): Promise<Reader[]> {
    const { engine: _, seed, signal } = this.#options;
    const graph = this.#original.features!.graph;
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
    const contributions = new Float64Array(n * n);
    const eliminates = n <= MOST_ELIMINATED && this.#inputs.name !== 'generated';
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
    return (
      (moments && chooseByElimination(moments, contributions, n, blocks, keep)) ??
      chooseByScore(scores, blocks, keep)
    );
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

function columnSquares({ rows, cols, data }: DenseMatrix): Float64Array {
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) squares[j] = squares[j]! + data[i * cols + j]! ** 2;
  return squares;
}
