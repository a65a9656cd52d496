/** How a format's files may hold weights. Whatever the type, models compute in the types that they had before. */
import type { Model } from './model-format.js';

/**
 * How weights are stored: as floats of 32 or 16 bits, or as whole numbers of 16 or 8 bits with scales. Formats choose the form of the whole
 * numbers, such as a scale per output, or a scale and a minimum per tensor.
 */
export type WeightType = 'float32' | 'float16' | 'int16' | 'int8';

/** All of them, the largest first. */
export const WEIGHT_TYPES: readonly WeightType[] = ['float32', 'float16', 'int16', 'int8'];

/** Bytes of a weight in each type. */
export const BYTES_OF_TYPE: Readonly<Record<WeightType, number>> = {
  float32: 4,
  float16: 2,
  int16: 2,
  int8: 1,
};

/** Weights of a layer as whole numbers: a weight is its step times the scale of its output. */
export interface RoundedWeights {
  /** In the order of the layer's W, `[outputs·span, inputs / groups]`. */
  readonly steps: Int8Array | Int16Array;
  /** One per output. */
  readonly scales: Float32Array;
}

/** What became of a model's weights. */
export interface StorageReport {
  readonly type: WeightType;
  /** How the format stores that type: `int8, a scale per output`. */
  readonly form: string;
  /** Tensors that are stored so, and the values in them. */
  readonly tensors: number;
  readonly values: number;
  /** Of these tensors, those whose zeros the file leaves out. */
  readonly withoutZeros?: number | undefined;
  /** `‖stored − before‖ / ‖before‖` over all of them. */
  readonly error: number;
  /** Tensors of weights that stay as they were although the type would make them smaller, each with the reason. */
  readonly kept: readonly { readonly name: string; readonly reason: string }[];
}

/** A model with its weights in another type. */
export interface StoredModel {
  /** What is written, and run as it is written. */
  readonly model: Model;
  /** The same values as plain floats: what `model` has to compute. */
  readonly floats: Model;
  readonly report: StorageReport;
}

/** The types in which a format can store the weights of a model. */
export interface WeightStorage {
  /** The type of the weights that the file held as floats in fewer bits or as whole numbers; undefined where it held none. */
  readonly found?: WeightType | undefined;
  /**
   * Layers of the graph whose weights get a scale per output, so that `rounded` may say how each is rounded. Left out: none; all weights
   * are rounded to the nearest.
   */
  readonly rowLayers?: readonly string[] | undefined;
  /**
   * By layer of the graph, the share of the bytes of its weights in a type that is left where the file leaves their zeros out: only of layers with
   * so many zeros. They stay zero when they are rounded. Left out: no file does.
   */
  readonly withoutZeros?: ((type: WeightType) => ReadonlyMap<string, number>) | undefined;
  /**
   * The model with its large tensors of weights in a type. Weights that are in it already stay as they are, unless they are among `rounded`.
   * Small tensors, vectors such as biases, and what the type cannot hold stay.
   *
   * @param rounded by layer, where the whole numbers are chosen already
   */
  store(type: WeightType, rounded?: ReadonlyMap<string, RoundedWeights>): StoredModel;
}
