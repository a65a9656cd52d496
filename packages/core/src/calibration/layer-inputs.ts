import { float32Values } from '../format/element-type.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model, ModelSession, Tensor } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { patchesOf } from './patches.js';

/** Patches that are read for every weight of a filter. */
const PATCHES_PER_WEIGHT = 16;

/** Runs the part of a model before a layer. */
export class LayerInputs {
  readonly #layer: FcLayer;
  readonly #samples: number;
  readonly #session: ModelSession | undefined;

  private constructor(layer: FcLayer, samples: number, session: ModelSession | undefined) {
    this.#layer = layer;
    this.#samples = samples;
    this.#session = session;
  }

  /** @param samples of all batches that are going to be read */
  static async open(model: Model, layer: FcLayer, samples: number): Promise<LayerInputs> {
    const { head } = model.split([layer.name], []);
    return new LayerInputs(layer, samples, await head?.session());
  }

  /**
   * What the layer reads, shape `[rows, n]`: all leading axes together are rows. Of a convolution, patches at some of its places, shape
   * `[rows, span·n]`: 16 for each of their numbers, where all batches together have as many.
   *
   * @param batch the batch's number
   */
  async read(tensors: Readonly<Record<string, Tensor>>, batch: number): Promise<DenseMatrix> {
    const computed = await this.#session?.run(tensors);
    const tensor = computed?.[this.#layer.input] ?? tensors[this.#layer.input];
    if (!tensor) throw new RangeError(`calibration: nothing computes ${this.#layer.input}`);
    const { inputs, window } = this.#layer;
    if (window === undefined) return denseMatrix(tensor.data.length / inputs, inputs, float32Values(tensor));
    const wanted = PATCHES_PER_WEIGHT * spanOf(this.#layer) * inputs;
    const share = Math.ceil((wanted * tensor.shape[0]!) / this.#samples);
    return patchesOf(tensor, { ...this.#layer, window }, share, batch);
  }

  async release(): Promise<void> {
    await this.#session?.release();
  }
}
