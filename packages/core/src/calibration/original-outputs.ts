import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model, Tensor } from '../format/model-format.js';
import { type DenseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { LayerInputs } from './layer-inputs.js';
import { overPatches } from './patches.js';

/** Bytes of outputs that are kept for the next compression of the same model. */
const KEPT_BYTES = 2 ** 28;

/** `y = W x + b` of the original's layers on the calibration inputs: what the compressed layers are refitted to. */
export class OriginalOutputs {
  readonly #model: Model;
  readonly #engine: MatrixEngine;
  readonly #kept = new Map<string, DenseMatrix[]>();
  #keptBytes = 0;
  #open: { layer: string; reader: LayerInputs; weights: DenseMatrix } | undefined;

  constructor(model: Model, engine: MatrixEngine) {
    this.#model = model;
    this.#engine = engine;
  }

  /**
   * @param index the batch's number
   * @param samples of all batches
   * @returns shape `[rows, m]`
   */
  async batch(
    layer: FcLayer,
    index: number,
    tensors: Readonly<Record<string, Tensor>>,
    samples: number,
  ): Promise<DenseMatrix> {
    const kept = this.#kept.get(layer.name) ?? [];
    if (kept[index]) return kept[index];
    if (this.#open?.layer !== layer.name) {
      await this.release();
      this.#open = {
        layer: layer.name,
        reader: await LayerInputs.open(this.#model, layer, samples),
        weights: transpose(overPatches(this.#model.weights(layer.name), spanOf(layer))),
      };
    }
    const outputs = await this.#engine.multiply(
      await this.#open.reader.read(tensors, index),
      this.#open.weights,
    );
    const bias = this.#model.bias(layer.name);
    if (bias) {
      for (let p = 0; p < outputs.data.length; p++)
        outputs.data[p] = outputs.data[p]! + bias[p % bias.length]!;
    }
    if (kept.length === index && this.#keptBytes + outputs.data.byteLength <= KEPT_BYTES) {
      this.#keptBytes += outputs.data.byteLength;
      kept.push(outputs);
      this.#kept.set(layer.name, kept);
    }
    return outputs;
  }

  /** Lets go of what computes the outputs; those that are kept stay. */
  async release(): Promise<void> {
    await this.#open?.reader.release();
    this.#open = undefined;
  }
}
