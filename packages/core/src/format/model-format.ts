/**
 * The contract of a model format: a file becomes a `Model`, which names its fully connected layers, says what surrounds
 * them, is rewritten by core's instructions, runs, and becomes a file again.
 */

import type { ModelRewrite } from '../compression/model-rewrite.js';
import type { GraphView } from '../folding/graph-view.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';

/** A fully connected layer `y = W x + b` of a model. */
export interface FcLayer {
  /** The weight tensor's name without the format's suffix, or the node's name where the weight has none. */
  readonly name: string;
  /** Other names by which users may call it, such as the node's. */
  readonly aliases: readonly string[];
  /** m, the rows of W. */
  readonly outputs: number;
  /** n, the columns of W. */
  readonly inputs: number;
  /** The tensor that the layer reads, as the model's `graph` names it. */
  readonly input: string;
  /** Whether other operations use the same weight tensor. */
  readonly shared: boolean;
  /** What gathers the columns where their order does not fold, when that is no operation of the format's own. */
  readonly gatheredBy?: string;
}

/** Something that looks like a fully connected layer but cannot be compressed. */
export interface SkippedLayer {
  readonly name: string;
  readonly reason: string;
}

/** The shape of a model's input or output; `undefined` marks a free axis, such as the batch. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly (number | undefined)[];
  /** True when the values are whole numbers, such as token or class indices. */
  readonly integral?: true;
}

/** A float32 tensor, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A model, ready to run. */
export interface ModelSession {
  /** Runs the model once: tensors by input name in, tensors by output name out. */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** A model in memory. Models are never changed: `rewrite` and `split` return new ones that share unchanged weights. */
export interface Model {
  /** Fully connected layers in the order of the graph. */
  readonly layers: readonly FcLayer[];
  readonly skipped: readonly SkippedLayer[];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly graph: GraphView;
  /** Number of values in all weight tensors. */
  readonly parameters: number;
  /**
   * Relative rounding error of one weight in the coarsest float type that weights are stored in: 2⁻²⁴ for float32 (taken
   * when left out), 2⁻¹¹ for float16, 2⁻⁸ for bfloat16.
   */
  readonly roundoff?: number;
  /** W of a layer, shape `[outputs, inputs]`, whatever way the file stores it. The caller does not write to it. */
  weights(layer: string): DenseMatrix;
  /** b of a layer, `outputs` values, or undefined when it has none. */
  bias(layer: string): Float32Array | undefined;
  /** The model with layers and parameters replaced as core decided. */
  rewrite(rewrite: ModelRewrite): Model;
  /**
   * Cuts the model before the first of some layers, and before every layer or operation named in `also` (what they
   * fold into). `head` computes what `tail` reads, tensor names agree, and `tail` contains all the named layers.
   * `head` is undefined when nothing precedes the cut.
   */
  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model };
  /**
   * Multiply-accumulates per sample: multiplications in the products of weight matrices and filters with what the model
   * computes. Undefined when the model's graph does not say, such as for a free image size. May run the model once.
   */
  multiplyAccumulates?(): Promise<number | undefined>;
  /** Starts the format's runtime on the model. */
  session(): Promise<ModelSession>;
  /**
   * The file's bytes would be written here: to a temporary file beside `target`, called as `temporaryFileName` says, then
   * renamed, so that a reader sees the old model or the new one. Returns all bytes written.
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
