/**
 * The contract of a model format: a file becomes a `Model`, which names its fully connected layers, says what surrounds
 * them, is rewritten by core's instructions, runs, and becomes a file again.
 */

import type { DenseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { ElementType } from './element-type.js';
import type { FeatureGraph, ModelFeatures } from './feature-flow.js';
import type { FilterWindow } from './filter-window.js';
import type { LatencyModel } from './latency-model.js';
import type { ClusterGroup, ModelRewrite } from './model-rewrite.js';
import type { WeightStorage } from './weight-storage.js';

/**
 * A fully connected layer `y = W x + b` of a model, or a convolution that is compressed like one: its W is `[outputs·span, inputs]` with a row
 * per output and position of the filter, so that a column holds the weights of one input channel.
 */
export interface FcLayer {
  /** The weight tensor's name without the format's suffix, or the node's name where the weight has none. */
  readonly name: string;
  /** Other names by which users may call it, such as the node's. */
  readonly aliases: readonly string[];
  /** m: the rows of W, or for a convolution its filters, each with a row per position. */
  readonly outputs: number;
  /** n, the columns of W: features, or channels. */
  readonly inputs: number;
  /** Where a convolution looks; left out for a product of a matrix. */
  readonly window?: FilterWindow;
  /** The tensor that the layer reads, as the model's `graph` names it. */
  readonly input: string;
  /** Whether other operations use the same weight tensor. */
  readonly shared: boolean;
  /**
   * The most clusters below n with which the layer costs less than it does now, where the format needs operations that are not free to bring
   * its columns to their clusters; 0 when no number does. With more, the layer keeps all its columns. Left out: any number is worth it.
   */
  readonly mostClusters?: number;
}

/** Something that holds weights, or looks like a fully connected layer, and cannot be compressed. */
export interface SkippedLayer {
  readonly name: string;
  readonly reason: string;
  /** Values in its weights, tensors of two axes or more. A tensor counts once: 0 where another layer has its weights. */
  readonly parameters: number;
}

/** A model's input or output; in its shape `undefined` marks a free axis, such as the batch. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly (number | undefined)[];
  /** What the runtime takes or gives here. Default `float32`. */
  readonly type?: ElementType;
  /** What the file calls the free axes, where it names them: those of one name have one length. As long as the shape. */
  readonly axes?: readonly (string | undefined)[];
  /** Entries of the smallest table of the model in which an input's values are places, such as the words of a vocabulary. */
  readonly entries?: number;
}

/**
 * A tensor of any type, row-major. Its values are held as float32, or as float64 where the type has numbers that float32 skips: 32- and
 * 64-bit integers and float64.
 */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** A model, ready to run. */
export interface ModelSession {
  /**
   * Runs the model once: tensors by input name in, tensors by output name out. Outputs that are no tensors of numbers are left out.
   *
   * @throws InputError `UNSUPPORTED` for an input that takes no numbers, `BAD_ARGUMENT` for one that is missing
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/**
 * What it cost to store rewritten weights in the coarse types of the weights that they replaced. Errors are relative,
 * `‖stored − planned‖ / ‖planned‖` over all weights that were rounded.
 */
export interface StorageRounding {
  /** Names of the types, such as `uint8`; `float32` for what no longer fitted into its type. */
  readonly types: readonly string[];
  readonly error: number;
  /**
   * By the layer or operation that was rewritten: the error now, infinite for what no longer fits into its type, and the error that
   * the type left in the weights before.
   */
  readonly operations: ReadonlyMap<string, { readonly error: number; readonly before: number }>;
  /** The same model with the weights as they were planned. */
  readonly exact: Model;
}

/** Convolutions that can be compressed as fully connected layers are. Their input is summed at every position, so only those that are named are. */
export interface ModelConvolutions {
  /** In the order of the graph; none is among the model's `layers`. */
  readonly layers: readonly FcLayer[];
  /** The same model with some of them among its `layers`, in the order of the graph. */
  offer(names: readonly string[]): Model;
}

/** A model in memory. Models are never changed: `rewrite` and `split` return new ones that share unchanged weights. */
export interface Model {
  /** Fully connected layers, and convolutions that were offered, in the order of the graph. */
  readonly layers: readonly FcLayer[];
  /** Convolutions that can be layers as well. Left out by formats that rewrite none. */
  readonly convolutions?: ModelConvolutions | undefined;
  /** Everything else that holds weights, each with its reason: convolutions and embeddings as well as unfit products. */
  readonly skipped: readonly SkippedLayer[];
  /** What users should know of how the file was read, each a line of text. */
  readonly notes?: readonly string[];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** What happens between the inputs and the outputs, from which core finds what folds and which features may leave. */
  readonly graph: FeatureGraph;
  /** The features' side of the model. Left out by formats in which no features can leave. */
  readonly features?: ModelFeatures | undefined;
  /** The types in which the weights can be stored. Left out by formats that store them in one way only. */
  readonly storage?: WeightStorage | undefined;
  /** Number of values in all weight tensors. */
  readonly parameters: number;
  /**
   * Relative rounding error of one weight in the coarsest float type that weights are stored in: 2⁻²⁴ for float32 (taken
   * when left out), 2⁻¹¹ for float16, 2⁻⁸ for bfloat16.
   */
  readonly roundoff?: number;
  /** Bytes that a weight of the layers takes in the file, on average. Left out: by `roundoff`. */
  readonly bytesPerWeight?: number | undefined;
  /** What storing the weights of a rewrite cost, where a format keeps types that round anew; undefined when nothing was rounded. */
  readonly rounding?: StorageRounding | undefined;
  /**
   * Layers and operations whose rewritten parameters are too large for the type that stores them, where a format keeps types. Such a model
   * is neither run nor written; core folds otherwise.
   */
  readonly overflowing?: ReadonlySet<string>;
  /**
   * Layers and operations of whose rewritten parameters some are too small for the type that stores them, where a format keeps types: a
   * feature loses more than a sixteenth of its own, or all of them. Core folds otherwise where that helps.
   */
  readonly vanishing?: ReadonlySet<string>;
  /** W of a layer, shape `[outputs, inputs]` or `[outputs·span, inputs]`, whatever way the file stores it. The caller does not write to it. */
  weights(layer: string): DenseMatrix;
  /** b of a layer, `outputs` values, or undefined when it has none. */
  bias(layer: string): Float32Array | undefined;
  /**
   * The order of clusters that the format sums best, for layers whose order folds and so costs nothing. Left out: small clusters first.
   *
   * @param groups the clusters, small ones first
   * @returns the places of all k clusters among them, in the order wanted; a rewrite's groups are then runs of equal sizes in that order
   */
  readonly layout?: ((groups: readonly ClusterGroup[]) => Int32Array) | undefined;
  /**
   * The model with layers and parameters replaced as core decided. Implementations call `checkRewrite` first.
   *
   * @throws InputError for a rewrite that does not fit the model, as `checkRewrite` says
   */
  rewrite(rewrite: ModelRewrite): Model;
  /**
   * Cuts the model before the first of some layers, and before every layer or operation named in `also` (what they
   * fold into). `head` computes what `tail` reads beside the model's own inputs, tensor names agree, and `tail` contains all the named layers.
   * `head` is undefined when nothing precedes the cut.
   */
  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model };
  /**
   * Multiply-accumulates per sample: multiplications in the products of weight matrices and filters with what the model
   * computes. Undefined when the model's graph does not say, such as for a free image size. May run the model once.
   *
   * @param inputs the model's inputs with free axes set; formats that count without running it take no notice
   */
  multiplyAccumulates?(inputs?: readonly TensorInfo[]): Promise<number | undefined>;
  /** What each kind of work takes in the format's runtime, measured once on some machine. Left out: time is taken for multiply-accumulates. */
  readonly latencyModel?: LatencyModel | undefined;
  /** Starts the format's runtime on the model. */
  session(): Promise<ModelSession>;
  /** A new engine on the format's runtime, for large products; its user releases it. Left out where there is none: the portable one serves. */
  engine?(): Promise<MatrixEngine>;
  /**
   * The file's bytes would be written here: to a temporary file beside `target`, then renamed, so that a reader sees the old
   * model or the new one, and a link is replaced by the file. In Node, `replaceFile` of `@spherize/files` does it. Returns all bytes written.
   */
  write(target: string): Promise<number>;
}

/** How a model is to be read. */
export interface ReadOptions {
  /**
   * Whether fully connected layers with quantised weights are offered as well; those that are rewritten get floats. Default no:
   * they are skipped with the reason. Formats without quantised weights take no notice.
   */
  readonly dequantize?: boolean | undefined;
}

/** A model format plug-in. */
export interface ModelFormat {
  readonly name: string;
  /** Whether a path or URL looks like this format by its name. */
  matches(source: string): boolean;
  /**
   * Reads a model. `bytes` is the size of all its files; `files` names them, by default the source alone.
   *
   * @throws InputError `NOT_FOUND`, `BAD_FILE` or `UNSUPPORTED`
   */
  read(
    source: string,
    options?: ReadOptions,
  ): Promise<{ model: Model; bytes: number; files?: readonly string[] }>;
  /** The files that a written model consists of, without reading its weights. Left out: those that `read` names. */
  filesOf?(source: string): Promise<readonly string[]>;
  /** Starts what runs the format's models, where there is a choice, and says which it is: `wasm (SIMD)`. */
  runtime?(): Promise<string>;
}
