import { float32Values } from '../format/element-type.js';
import type { FcLayer, Model, ModelSession, Tensor } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';

/** Runs the part of a model before a layer. */
export class LayerInputs {
  readonly #layer: FcLayer;
  readonly #session: ModelSession | undefined;

  private constructor(layer: FcLayer, session: ModelSession | undefined) {
    this.#layer = layer;
    this.#session = session;
  }

  static async open(model: Model, layer: FcLayer): Promise<LayerInputs> {
    const { head } = model.split([layer.name], []);
    return new LayerInputs(layer, await head?.session());
  }

  /** What the layer reads, shape `[rows, n]`: all leading axes together are rows. */
  async read(tensors: Readonly<Record<string, Tensor>>): Promise<DenseMatrix> {
    const outputs = this.#session ? await this.#session.run(tensors) : tensors;
    const tensor = outputs[this.#layer.input];
    if (!tensor) throw new RangeError(`calibration: nothing computes ${this.#layer.input}`);
    const { inputs } = this.#layer;
    return denseMatrix(tensor.data.length / inputs, inputs, float32Values(tensor));
  }

  async release(): Promise<void> {
    await this.#session?.release();
  }
}
