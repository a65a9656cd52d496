/** A model on the way to a narrower one: which features have left so far, and the refitted weights, at their full size. */
import type { FeatureGraph, FeatureLayer, ModelFeatures } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';
import { type NarrowedWeights, otherWeights } from '../format/model-narrowing.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { findWidths, type Widths } from '../widths/find-widths.js';
import { type NarrowedLayer, type Narrowing, narrow } from '../widths/narrow.js';
import { narrowedFilters, narrowedWeights } from '../widths/narrowed-weights.js';

/** A layer's weights at their full size: columns of features that left are zero in those that were refitted. */
export interface FullWeights {
  readonly weights: DenseMatrix;
  readonly bias: Float32Array | null;
}

export class NarrowedNetwork {
  readonly widths: Widths;
  readonly #features: ModelFeatures;
  readonly #graph: FeatureGraph;
  readonly #layers: ReadonlyMap<string, FeatureLayer>;
  readonly #removed = new Set<number>();
  readonly #refitted = new Map<string, FullWeights>();
  #narrowing: Narrowing | undefined;

  constructor(features: ModelFeatures, graph: FeatureGraph) {
    this.#features = features;
    this.#graph = graph;
    this.#layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
    this.widths = findWidths(graph);
  }

  layer(name: string): FeatureLayer {
    return this.#layers.get(name)!;
  }

  /** The labels of a layer's columns, as places of features. */
  columns(layer: string): Int32Array {
    return this.widths.features.columns.get(layer)!.map((label) => this.widths.sets.find(label));
  }

  weights(layer: string): FullWeights {
    return this.#refitted.get(layer) ?? this.#features.weights(layer);
  }

  /** The weights as they were at the beginning. */
  originalWeights(layer: string): NarrowedWeights {
    return this.#features.weights(layer);
  }

  refit(layer: string, weights: FullWeights): void {
    this.#refitted.set(layer, weights);
  }

  /** Takes features out, once what reads them has been refitted. */
  remove(features: Iterable<number>): void {
    for (const feature of features) this.#removed.add(feature);
    this.#narrowing = undefined;
  }

  /** As it was at the beginning. */
  restore(): void {
    this.#removed.clear();
    this.#refitted.clear();
    this.#narrowing = undefined;
  }

  get narrowing(): Narrowing {
    this.#narrowing ??= narrow(this.#graph, this.widths, this.#removed);
    return this.#narrowing;
  }

  /** Places of a layer's columns that are left, in the order in which the narrower layer reads them. */
  placesLeft(layer: string): Int32Array {
    return this.left(layer).columns ?? Int32Array.from({ length: this.layer(layer).inputs }, (_, c) => c);
  }

  /** Places of a layer's rows and columns that are left. */
  left(layer: string): NarrowedLayer {
    return this.narrowing.layers.get(layer) ?? { rows: null, columns: null };
  }

  /** A layer's weights as the narrower model has them. */
  weightsLeft(name: string): NarrowedWeights {
    const { weights, bias } = this.weights(name);
    return narrowedWeights(this.layer(name), weights, bias ?? undefined, this.left(name));
  }

  /** The same of a depthwise convolution. */
  filtersLeft(name: string): NarrowedWeights {
    const { weights, bias } = this.weights(name);
    const channels = this.narrowing.filters.get(name);
    return channels
      ? narrowedFilters(this.layer(name), weights, bias ?? undefined, channels)
      : { weights, bias };
  }

  /** The narrower model as it is now. */
  model(): Model {
    const { layers, filters, ...others } = this.narrowing;
    const weights = new Map<string, NarrowedWeights>();
    for (const name of new Set([...layers.keys(), ...this.#refitted.keys()]))
      weights.set(name, this.weightsLeft(name));
    for (const name of filters.keys()) weights.set(name, this.filtersLeft(name));
    return this.#features.narrow({ ...others, layers: weights });
  }

  /**
   * The original's graph with the weights of `model()`, where features that left are read with zeros, or made of zeros where no layer
   * reads them: it computes the same.
   */
  masked(): Model {
    const layers = new Map<string, NarrowedWeights>();
    const readers = [...this.widths.features.columns.keys()].filter((name) =>
      this.columns(name).some((feature) => this.#removed.has(feature)),
    );
    const read = new Set(readers.flatMap((name) => [...this.columns(name)]));
    const unread = new Set([...this.#removed].filter((feature) => !read.has(feature)));
    const makers = [...this.widths.features.rows.keys()].filter((name) =>
      this.#rows(name).some((feature) => unread.has(feature)),
    );
    for (const name of new Set([...this.#refitted.keys(), ...readers, ...makers])) {
      const { weights, bias } = this.weights(name);
      const columnsLeft = this.widths.features.columns.has(name)
        ? this.#withoutRemoved(name, weights)
        : weights;
      layers.set(name, this.#withoutRows(name, columnsLeft, bias, unread));
    }
    return this.#features.narrow(otherWeights(layers));
  }

  /** The labels of a layer's rows, as places of features. */
  #rows(layer: string): Int32Array {
    return this.widths.features.rows.get(layer)!.map((label) => this.widths.sets.find(label));
  }

  #withoutRows(
    name: string,
    weights: DenseMatrix,
    bias: Float32Array | null,
    unread: ReadonlySet<number>,
  ): FullWeights {
    const rows = this.widths.features.rows.has(name) ? this.#rows(name) : new Int32Array(0);
    const gone = [...rows.keys()].filter((row) => unread.has(rows[row]!));
    if (gone.length === 0) return { weights, bias };
    const { span } = this.layer(name);
    const result = { weights: denseMatrix(weights.rows, weights.cols, weights.data.slice()), bias };
    const values = bias?.slice() ?? null;
    for (const row of gone) {
      result.weights.data.fill(0, row * span * weights.cols, (row + 1) * span * weights.cols);
      values?.fill(0, row, row + 1);
    }
    return { ...result, bias: values };
  }

  #withoutRemoved(name: string, weights: DenseMatrix): DenseMatrix {
    const { groups, outputs, inputs, span } = this.layer(name);
    const features = this.columns(name);
    const width = inputs / groups;
    const result = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    for (let row = 0; row < weights.rows; row++) {
      const group = Math.floor((Math.floor(row / span) * groups) / outputs);
      for (let c = 0; c < width; c++)
        if (this.#removed.has(features[group * width + c]!)) result.data[row * width + c] = 0;
    }
    return result;
  }
}
